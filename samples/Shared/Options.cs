using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace ResNet.Samples;

/// <summary>Creates command-line options.</summary>
public static class Options
{
    public static Option<string> CreateDevice() => CreateText("--device", "device", "auto, cpu, cuda or cuda:N", "auto, cpu, cuda or cuda:N; auto uses the GPU if there is one", byDefault: "auto");

    public static Option<string> CreateOutput() => CreateText("--out", "dir", "a folder that can be written", "Folder for the results, created if missing [default: a new folder in runs/]");

    /// <returns>The folder that the user named, or a new one.</returns>
    public static string FindFolder(ParseResult result, Option<string> output) =>
        result.GetValue(output) ?? Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture));

    /// <returns>The image folder that the user named, or the one that comes with the program.</returns>
    public static string FindData(ParseResult result, Option<string> data) => result.GetValue(data) ?? Path.Combine(AppContext.BaseDirectory, "data");

    /// <param name="name">The option's name.</param>
    /// <param name="value">The name of its value in the help text.</param>
    /// <param name="expected">The value in messages. Empty text, as from an unset variable in a script, is refused.</param>
    /// <param name="description">The help text.</param>
    /// <param name="byDefault">The default value.</param>
    public static Option<string> CreateText(string name, string value, string expected, string description, string? byDefault = null)
    {
        var option = new Option<string>(name) { Description = description, HelpName = value };
        option.Validators.Add(result => RefuseEmpty(result, name, expected));
        option.Validators.Add(result => RefuseOption(result, name, value, expected));
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    /// <summary>If the user leaves out a value, the parser takes the next option as the value, and that option has no effect.</summary>
    private static void RefuseOption(SymbolResult result, string name, string value, string expected)
    {
        if (result.Tokens.FirstOrDefault(token => token.Value.StartsWith("--", StringComparison.Ordinal))?.Value is { } got)
            result.AddError($"{name}: expected {expected}, got the option '{got}'{(value is "dir" or "file" ? $"; a {(value == "dir" ? "folder" : "file")} with that name is ./{got}" : "")}");
    }

    /// <summary>A command's argument, which must not be empty.</summary>
    public static Argument<T> CreateArgument<T>(string command, string name, string expected, string description)
    {
        var argument = new Argument<T>(name) { Description = description };
        argument.Validators.Add(result => RefuseEmpty(result, command, expected));
        return argument;
    }

    private static void RefuseEmpty(SymbolResult result, string name, string expected)
    {
        if (result.Tokens.Any(token => token.Value.Length == 0))
            result.AddError($"{name}: expected {expected}, got ''");
    }

    public static Option<int?> CreateWhole(string name, int least, int most, string description, int? byDefault = null) =>
        CreateNumber(name, Limit.CreateWhole(least, most), description, byDefault);

    /// <summary>An option whose value is a name of an enumeration.</summary>
    public static Option<T?> CreateOneOf<T>(string name, string description, T? byDefault = null) where T : struct, Enum =>
        CreateChecked(name, "name", $"{description}: {EnumNames.List<T>()}", byDefault,
            text => EnumNames.Find<T>(text) ?? throw new UserException($"{name}: expected {EnumNames.List<T>()}, got '{text}'"));

    /// <summary>An option whose value is checked; null without a value and a default.</summary>
    public static Option<T?> CreateNumber<T>(string name, Limit<T> limit, string description, T? byDefault = null) where T : struct, INumber<T> =>
        CreateChecked(name, "number", description, byDefault, text => limit.Parse(name, text));

    private static Option<T?> CreateChecked<T>(string name, string value, string description, T? byDefault, Func<string, T> read) where T : struct
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
