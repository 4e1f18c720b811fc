using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace ResNet.Train;

/// <summary>Makes options of the command line.</summary>
internal static class Options
{
    public static Option<string> Device() => Text("--device", "device", "auto, cpu, cuda or cuda:N; auto is the GPU if there is one", byDefault: "auto");

    public static Option<string> Output() => Text("--out", "dir", "Folder for the results, made if it is not there [default: a new folder in runs/]");

    /// <summary>The folder that the user has named, or a new one.</summary>
    public static string Folder(ParseResult result, Option<string> output) =>
        result.GetValue(output) ?? Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture));

    /// <summary>The folder of pictures that the user has named, or the one that comes with the program.</summary>
    public static string Data(ParseResult result, Option<string> data) => result.GetValue(data) ?? Path.Combine(AppContext.BaseDirectory, "data");

    public static Option<string> Text(string name, string value, string description, string? byDefault = null)
    {
        var option = new Option<string>(name) { Description = description, HelpName = value };
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    public static Option<int?> Whole(string name, int least, int most, string description, int? byDefault = null) =>
        Number(name, $"a whole number from {least} to {most}", value => value >= least && value <= most, description, byDefault);

    public static Option<double?> AboveZero(string name, string description, double? byDefault = null) =>
        Number(name, "a number above 0", value => value > 0 && double.IsFinite(value), description, byDefault);

    /// <summary>One of the names of an enumeration, in large or small letters.</summary>
    public static Option<T?> OneOf<T>(string name, string description, T? byDefault = null) where T : struct, Enum
    {
        var names = string.Join(", ", Enum.GetNames<T>());
        var option = new Option<T?>(name)
        {
            Description = $"{description}: {names}",
            HelpName = "name",
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                if (Enum.GetNames<T>().FirstOrDefault(each => each.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known)
                    return Enum.Parse<T>(known);
                result.AddError($"{name}: expected {names}, got '{text}'");
                return null;
            },
        };
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    /// <summary>An option whose value is checked, and null where it is not given and there is no default.</summary>
    public static Option<T?> Number<T>(string name, string expected, Func<T, bool> accepts, string description, T? byDefault = null)
        where T : struct, INumber<T>
    {
        var option = new Option<T?>(name)
        {
            Description = description,
            HelpName = "number",
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                if (T.TryParse(text, CultureInfo.InvariantCulture, out var value) && accepts(value))
                    return value;
                result.AddError($"{name}: expected {expected}, got '{text}'");
                return null;
            },
        };
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }
}
