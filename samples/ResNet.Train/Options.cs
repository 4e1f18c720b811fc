using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace ResNet.Train;

/// <summary>Makes options of the command line.</summary>
internal static class Options
{
    public static Option<string> Device() => Text("--device", "device", "auto, cpu, cuda or cuda:N", "auto, cpu, cuda or cuda:N; auto is the GPU if there is one", byDefault: "auto");

    public static Option<string> Output() => Text("--out", "dir", "a folder that can be written", "Folder for the results, made if it is not there [default: a new folder in runs/]");

    /// <summary>The folder that the user has named, or a new one.</summary>
    public static string Folder(ParseResult result, Option<string> output) =>
        result.GetValue(output) ?? Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture));

    /// <summary>The folder of pictures that the user has named, or the one that comes with the program.</summary>
    public static string Data(ParseResult result, Option<string> data) => result.GetValue(data) ?? Path.Combine(AppContext.BaseDirectory, "data");

    /// <param name="name">Of the option.</param>
    /// <param name="value">What help calls its value.</param>
    /// <param name="expected">What messages call it. An empty text, as an unset variable of a script leaves it, is none.</param>
    /// <param name="description">For help.</param>
    /// <param name="byDefault">What it is where it is not given.</param>
    public static Option<string> Text(string name, string value, string expected, string description, string? byDefault = null)
    {
        var option = new Option<string>(name) { Description = description, HelpName = value };
        option.Validators.Add(result => RefuseEmpty(result, name, expected));
        option.Validators.Add(result => RefuseOption(result, name, value, expected));
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    /// <summary>Where a value was left out, the next option comes in its place, and would have no effect.</summary>
    private static void RefuseOption(SymbolResult result, string name, string value, string expected)
    {
        if (result.Tokens.FirstOrDefault(token => token.Value.StartsWith("--", StringComparison.Ordinal))?.Value is { } got)
            result.AddError($"{name}: expected {expected}, got the option '{got}'{(value is "dir" or "file" ? $"; a {(value == "dir" ? "folder" : "file")} of that name is ./{got}" : "")}");
    }

    /// <summary>What a command is about, which is not empty.</summary>
    public static Argument<T> Argument<T>(string command, string name, string expected, string description)
    {
        var argument = new Argument<T>(name) { Description = description };
        argument.Validators.Add(result => RefuseEmpty(result, command, expected));
        return argument;
    }

    private static void RefuseEmpty(SymbolResult result, string name, string expected)
    {
        if (result.Tokens.Any(token => token.Value.Length == 0))
            result.AddError($"{name}: expected {expected}, got '', which is none");
    }

    public static Option<int?> Whole(string name, int least, int most, string description, int? byDefault = null) =>
        Number(name, Limit.Whole(least, most), description, byDefault);

    /// <summary>One of the names of an enumeration.</summary>
    public static Option<T?> OneOf<T>(string name, string description, T? byDefault = null) where T : struct, Enum =>
        Checked(name, "name", $"{description}: {Names<T>.Expected}", byDefault,
            text => Names<T>.Find(text) ?? throw new UserException($"{name}: expected {Names<T>.Expected}, got '{text}'"));

    /// <summary>An option whose value is checked, and null where it is not given and there is no default.</summary>
    public static Option<T?> Number<T>(string name, Limit<T> limit, string description, T? byDefault = null) where T : struct, INumber<T> =>
        Checked(name, "number", description, byDefault, text => limit.Read(name, text));

    private static Option<T?> Checked<T>(string name, string value, string description, T? byDefault, Func<string, T> read) where T : struct
    {
        var option = new Option<T?>(name)
        {
            Description = description,
            HelpName = value,
            CustomParser = result =>
            {
                try
                {
                    return read(result.Tokens[^1].Value);
                }
                catch (UserException problem)
                {
                    result.AddError(problem.Message);
                    return null;
                }
            },
        };
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }
}
