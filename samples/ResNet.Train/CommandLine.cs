using System.CommandLine;

namespace ResNet.Train;

/// <summary>The commands, their options and the values they accept.</summary>
internal static class CommandLine
{
    private const string Trained = "the folder of a training, or a file in it";

    public static RootCommand Create()
    {
        var data = Options.Text("--data", "dir", "a folder", "Folder with the pictures: a folder for each class, or the files of Fashion-MNIST, MNIST, CIFAR-10 or CIFAR-100 [default: a subset of Fashion-MNIST that comes with this program]");
        var weights = Options.Text("--weights", "file", "a file", "File with the weights to start from: this program's own, or another network's of the same --arch, written by torch.save or safetensors [default: random weights]");
        var seed = Options.Number("--seed", Limits.Seed, "Of the initial weights, the order of the images and their augmentation", byDefault: 1);
        var device = Options.Device();
        var precision = Options.OneOf<Precision>("--precision", "Of convolutions and matrix products in training", byDefault: Precision.Fp32);
        var channelsLast = new Option<bool>("--channels-last") { Description = "Keeps the channels of a pixel together in memory" };
        var engine = Options.OneOf<Engine>("--engine", "What computes; Onnx takes what export has written", byDefault: Engine.Torch);
        var output = Options.Output();
        var recipe = new RecipeOptions();

        Option[] common = [data, weights, .. recipe.OfNetworkAndPictures, .. recipe.OfSteps, seed, device, precision, channelsLast, output];
        Option[] all = [data, weights, .. recipe.OfNetworkAndPictures, .. recipe.OfSteps, .. recipe.OfSchedule, seed, device, precision, channelsLast, output];
        int Train(ParseResult result) => WithData(result, TrainJob.Train);

        var root = new RootCommand("Trains a residual network to tell pictures apart. Without a command and options a ResNet-18, on pictures of clothes that come with it.")
        {
            Command("train", "Starts a training; the same as no command at all", Train, all),
            Resume(),
            Evaluate(),
            Predict(),
            Export(),
            FindLearningRate(),
        };
        foreach (var option in all)
            root.Add(option);
        root.SetAction(Train);
        return root;

        Command Resume()
        {
            var folder = Options.Argument<string>("resume", "dir", "the folder of a training", "Folder of a training that was interrupted");
            var moved = Options.Text("--data", "dir", "a folder", "Folder with the pictures, where they have moved since [default: where they were]");
            return Command("resume", "Goes on with a training after its last complete epoch", result => TrainJob.Resume(result.GetValue(folder)!, result.GetValue(moved)), folder, moved);
        }

        Command Evaluate()
        {
            var trained = Options.Argument<string>("evaluate", "weights", Trained, "Folder of a training, or a file with weights, or from export, in it");
            var pictures = Options.Text("--data", "dir", "a folder", "Folder with the pictures to test with, all of them: of MNIST's or CIFAR's files, and of folders train and test, those for the test [default: the training's own test images]");
            return Command("evaluate", "Tests a trained network", result => EvaluateJob.Run(result.GetValue(trained)!, result.GetValue(pictures), result.GetValue(engine)!.Value, result.GetValue(device)!), trained, pictures, engine, device);
        }

        Command Predict()
        {
            var files = Options.Argument<string[]>("predict", "file", "a picture", "Images: JPEG, PNG, WebP, GIF, BMP");
            files.Arity = ArgumentArity.OneOrMore;
            var model = Options.Text("--model", "dir", Trained, "Folder of a training, or a file with weights, or from export, in it [default: the last training in runs/]");
            return Command("predict", "Says what pictures show", result => PredictJob.Run(result.GetValue(files)!, result.GetValue(model), result.GetValue(engine)!.Value, result.GetValue(device)!), files, model, engine, device);
        }

        Command Export()
        {
            var trained = Options.Argument<string>("export", "weights", Trained, "Folder of a training, or a file with weights in it");
            var int8 = new Option<bool>("--int8") { Description = "In 8-bit integers: smaller and faster, and a little less accurate" };
            var pictures = Options.Text("--data", "dir", "a folder", "Folder with the pictures to fit 8 bits to [default: the training's]");
            var file = Options.Text("--out", "file", "a file that can be written", "The ONNX file [default: model.onnx, or model.int8.onnx, in the training's folder]");
            return Command("export", "Writes a trained network as an ONNX file", result => ExportJob.Run(result.GetValue(trained)!, result.GetValue(int8), result.GetValue(pictures), result.GetValue(file)), trained, int8, pictures, file);
        }

        Command FindLearningRate()
        {
            var steps = Options.Whole("--steps", 10, 10_000, "How many, each with a higher rate", byDefault: 100);
            return Command("lr-find", "Tries learning rates from low to high and draws the loss against them", result =>
                WithData(result, (set, settings, folder) => LearningRateJob.Run(set, settings, result.GetValue(steps)!.Value, folder)), [.. common, steps]);
        }

        int WithData(ParseResult result, Func<DataSet, Settings, string, int> run)
        {
            var folder = Options.Data(result, data);
            var set = DataSet.Load(folder);
            var settings = new Settings(
                Path.GetFullPath(folder),
                result.GetValue(weights) is { } file ? Path.GetFullPath(file) : null,
                recipe.Of(result, set.Defaults),
                result.GetValue(seed)!.Value,
                result.GetValue(device)!,
                result.GetValue(precision)!.Value,
                result.GetValue(channelsLast));
            return run(set, settings, Options.Folder(result, output));
        }
    }

    private static Command Command(string name, string description, Func<ParseResult, int> run, params Symbol[] symbols)
    {
        var command = new Command(name, description);
        foreach (var argument in symbols.OfType<Argument>())
            command.Add(argument);
        foreach (var option in symbols.OfType<Option>())
            command.Add(option);
        command.SetAction(run);
        return command;
    }
}
