using System.Globalization;
using System.Numerics;

namespace ResNet.Samples;

/// <summary>The valid range of a number, whether it comes from the command line or from a training run's file.</summary>
/// <param name="Expected">The range in words.</param>
/// <param name="Accepts">Whether a value is in the range; never true for NaN.</param>
public sealed record Limit<T>(string Expected, Func<T, bool> Accepts) where T : struct, INumber<T>
{
    /// <summary>No spaces and no commas: .NET would parse 0,02 as 2.</summary>
    private static readonly NumberStyles styles =
        typeof(T) == typeof(int) ? NumberStyles.AllowLeadingSign : NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <exception cref="UserException">The text is no number, or out of range.</exception>
    public T Parse(string name, string text)
    {
        if (T.TryParse(text, styles, CultureInfo.InvariantCulture, out var value))
            return Check(name, value, $"'{text}'");
        var hint = !text.Any(char.IsDigit) || !text.Contains(',') ? ""
            : typeof(T) == typeof(int) ? "; write whole numbers with digits only, such as 1000"
            : "; write decimals with a point, such as 0.02";
        throw new UserException($"{name}: expected {Expected}, got '{text}'{hint}");
    }

    /// <exception cref="UserException">The value is out of range.</exception>
    public void Check(string name, T value) => Check(name, value, $"{value}");

    private T Check(string name, T value, string got) => Accepts(value) ? value : throw new UserException($"{name}: expected {Expected}, got {got}");
}

public static class Limit
{
    public static Limit<int> CreateWhole(int least, int most) => new($"a whole number from {least} to {most}", value => value >= least && value <= most);

    public static Limit<double> AboveZero { get; } = new("a number above 0", value => value > 0 && double.IsFinite(value));

    public static Limit<double> FromZeroToOne { get; } = new("a number from 0 to 1", value => value is >= 0 and <= 1);

    public static Limit<double> FromZeroToBelowOne { get; } = new("a number from 0 to below 1", value => value is >= 0 and < 1);
}
