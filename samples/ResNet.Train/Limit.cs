using System.Globalization;
using System.Numerics;

namespace ResNet.Train;

/// <summary>What a number may be, wherever it comes from: the command line, or a file that a training has left.</summary>
/// <param name="Expected">In words.</param>
/// <param name="Accepts">Whether a value is within it; NaN never is.</param>
internal sealed record Limit<T>(string Expected, Func<T, bool> Accepts) where T : struct, INumber<T>
{
    /// <summary>Neither spaces nor commas: .NET would take 0,02 for 2.</summary>
    private static readonly NumberStyles styles =
        typeof(T) == typeof(int) ? NumberStyles.AllowLeadingSign : NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <exception cref="UserException">It is no number, or not within the limit.</exception>
    public T Read(string name, string text)
    {
        if (T.TryParse(text, styles, CultureInfo.InvariantCulture, out var value))
            return Check(name, value, $"'{text}'");
        var hint = !text.Any(char.IsDigit) || !text.Contains(',') ? ""
            : typeof(T) == typeof(int) ? "; whole numbers are written with digits alone, such as 1000"
            : "; numbers are written with a point, such as 0.02";
        throw new UserException($"{name}: expected {Expected}, got '{text}'{hint}");
    }

    /// <exception cref="UserException">It is not within the limit.</exception>
    public void Check(string name, T value) => Check(name, value, $"{value}");

    private T Check(string name, T value, string got) => Accepts(value) ? value : throw new UserException($"{name}: expected {Expected}, got {got}");
}

internal static class Limit
{
    public static Limit<int> Whole(int least, int most) => new($"a whole number from {least} to {most}", value => value >= least && value <= most);

    public static Limit<double> AboveZero { get; } = new("a number above 0", value => value > 0 && double.IsFinite(value));

    public static Limit<double> FromZeroToOne { get; } = new("a number from 0 to 1", value => value is >= 0 and <= 1);

    public static Limit<double> FromZeroToBelowOne { get; } = new("a number from 0 to below 1", value => value is >= 0 and < 1);
}
