using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Numerics;

namespace ResNet.Train;

/// <summary>The options, their defaults and the values they accept.</summary>
internal static class CommandLine
{
    /// <summary>Without this, System.CommandLine would print the stack trace of whatever the program throws.</summary>
    public static InvocationConfiguration LetExceptionsThrough { get; } = new() { EnableDefaultExceptionHandler = false };

    public static RootCommand Create(Func<Settings, string, int> train, Func<string, int> resume, Func<string, string, string, int> evaluate)
    {
        var data = new Option<string>("--data")
        {
            Description = "Folder with the four files of Fashion-MNIST, gzipped or not [default: the subset that comes with this program]",
            HelpName = "dir",
        };
        var weights = new Option<string>("--weights")
        {
            Description = "File with the weights to start from: this program's own, or another ResNet-18's, written by torch.save or safetensors [default: random weights]",
            HelpName = "file",
        };
        var epochs = Number("--epochs", 5, "a whole number from 1 to 10000", value => value is >= 1 and <= 10_000, "How often to go through the training images");
        var batchSize = Number("--batch-size", 64, "a whole number from 2 to 4096", value => value is >= 2 and <= 4096, "Images per step");
        var learningRate = Number("--lr", 0.02, "a number above 0", value => value > 0 && double.IsFinite(value), "Learning rate at its peak; it rises to it and falls to zero");
        var weightDecay = Number("--weight-decay", 5e-4, "a number from 0 to 1", value => value is >= 0 and <= 1, "How strongly weights are drawn to zero; biases and normalisations are not");
        var labelSmoothing = Number("--label-smoothing", 0.0, "a number from 0 to below 1", value => value is >= 0 and < 1, "How much of each label is spread over all classes");
        var ema = Number("--ema", 0.0, "a number from 0 to below 1", value => value is >= 0 and < 1, "Decay of an exponential moving average of the weights, such as 0.999, which is then the result; 0 is none");
        var seed = Number("--seed", 1, $"a whole number from 0 to {int.MaxValue}", value => value >= 0, "Of the initial weights, the order of the images and their augmentation");
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

        Option[] options = [data, weights, epochs, batchSize, learningRate, weightDecay, labelSmoothing, ema, seed, device, output];
        int Train(ParseResult result) => train(
            new Settings(
                Path.GetFullPath(Data(result)),
                result.GetValue(weights) is { Length: > 0 } file ? Path.GetFullPath(file) : result.GetValue(weights),
                result.GetValue(epochs),
                result.GetValue(batchSize),
                result.GetValue(learningRate),
                result.GetValue(weightDecay),
                result.GetValue(labelSmoothing),
                result.GetValue(ema),
                result.GetValue(seed),
                result.GetValue(device)!),
            result.GetValue(output) ?? Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)));

        var command = new RootCommand("Trains a ResNet-18 on Fashion-MNIST: pictures of clothes, ten classes.") { TrainCommand(), ResumeCommand(), EvaluateCommand() };
        foreach (var option in options)
            command.Add(option);
        command.SetAction(Train);
        return command;

        string Data(ParseResult result) => result.GetValue(data) ?? Path.Combine(AppContext.BaseDirectory, "data");

        Command TrainCommand()
        {
            var trainCommand = new Command("train", "Starts a training; the same as no command at all");
            foreach (var option in options)
                trainCommand.Add(option);
            trainCommand.SetAction(Train);
            return trainCommand;
        }

        Command ResumeCommand()
        {
            var folder = new Argument<string>("dir") { Description = "Folder of a training that was interrupted" };
            var resumeCommand = new Command("resume", "Goes on with a training after its last complete epoch") { folder };
            resumeCommand.SetAction(result => resume(result.GetValue(folder)!));
            return resumeCommand;
        }

        Command EvaluateCommand()
        {
            var file = new Argument<string>("weights") { Description = "Folder of a training, or a file with weights" };
            var evaluateCommand = new Command("evaluate", "Tests a trained network with the test images") { file, data, device };
            evaluateCommand.SetAction(result => evaluate(result.GetValue(file)!, Data(result), result.GetValue(device)!));
            return evaluateCommand;
        }
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
