using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Numerics;
using ResNet.Train;

namespace ResNet.Degradation;

/// <summary>The options, their defaults and the values they accept.</summary>
internal static class CommandLine
{
    /// <summary>Without this, System.CommandLine would print the stack trace of whatever the program throws.</summary>
    public static InvocationConfiguration LetExceptionsThrough { get; } = new() { EnableDefaultExceptionHandler = false };

    public static RootCommand Create(Func<Settings, int> run)
    {
        var data = new Option<string>("--data")
        {
            Description = "Folder with the four files of Fashion-MNIST, gzipped or not [default: the subset that comes with this program]",
            HelpName = "dir",
        };
        var epochs = Number("--epochs", 10, "a whole number from 1 to 10000", value => value is >= 1 and <= 10_000, "How often each network goes through the training images");
        var batchSize = Number("--batch-size", 32, "a whole number from 2 to 4096", value => value is >= 2 and <= 4096, "Images per step");
        var learningRate = Number("--lr", 0.01, "a number above 0", value => value > 0 && double.IsFinite(value), "Learning rate, which is divided by 10 twice");
        var size = Number("--size", IdxSet.Side / 2, $"{IdxSet.Side} or {IdxSet.Side / 2}",
            value => value is IdxSet.Side or IdxSet.Side / 2, $"Height and width of the pictures: {IdxSet.Side} as they are, {IdxSet.Side / 2} for the mean of each 2x2 pixels");
        var seeds = Number("--seeds", 1, "a whole number from 1 to 1000", value => value is >= 1 and <= 1000, "How often to repeat it all, with the seeds 1, 2, ...");
        var device = new Option<string>("--device")
        {
            Description = "auto, cpu, cuda or cuda:N; auto is the GPU if there is one",
            HelpName = "device",
            DefaultValueFactory = _ => "auto",
        };
        var output = new Option<string>("--out")
        {
            Description = "Folder for the results, made if it is not there [default: a new folder in runs/]",
            HelpName = "dir",
        };

        var command = new RootCommand("Trains plain and residual networks of 20 and 56 layers alike and compares their errors.")
        {
            data, epochs, batchSize, learningRate, size, seeds, device, output,
        };
        command.SetAction(result => run(new Settings(
            result.GetValue(data) ?? Path.Combine(AppContext.BaseDirectory, "data"),
            result.GetValue(epochs),
            result.GetValue(batchSize),
            result.GetValue(learningRate),
            result.GetValue(size),
            result.GetValue(seeds),
            result.GetValue(device)!,
            result.GetValue(output) ?? Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)))));
        return command;
    }

    /// <summary>What is wrong with the arguments, in one line, or null if nothing is or only the help was asked for.</summary>
    public static string? Error(ParseResult arguments) =>
        arguments.Action is ParseErrorAction ? $"{arguments.Errors[0].Message.TrimEnd('.')}. --help lists the options." : null;

    private static Option<T> Number<T>(string name, T byDefault, string expected, Func<T, bool> accepts, string description)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = "number",
            DefaultValueFactory = _ => byDefault,
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                if (T.TryParse(text, CultureInfo.InvariantCulture, out var value) && accepts(value))
                    return value;
                result.AddError($"{name}: expected {expected}, got '{text}'");
                return default;
            },
        };
}
