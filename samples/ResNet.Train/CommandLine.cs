using System.CommandLine;

namespace ResNet.Train;

/// <summary>The commands, their options and valid values.</summary>
internal static class CommandLine
{
    private const string Trained = "the folder of a training run, or a file in it";

    /// <param name="ranks">The ranks that run a command.</param>
    public static RootCommand Create(Ranks ranks)
    {
        var data = Options.CreateText("--data", "dir", "a folder", "Folder with the images: a folder for each class, or the files of Fashion-MNIST, MNIST, CIFAR-10 or CIFAR-100 [default: a subset of Fashion-MNIST that comes with this program]");
        var weights = Options.CreateText("--weights", "file", "a file, imagenet or torchvision", "Weights to start from: imagenet, which come with this program for ResNet-18 and from torchvision for the other networks; torchvision; or a file with weights of the same --arch [default: random weights]");
        var train = Options.CreateOneOf<TrainedLayers>("--train", $"Layers to train: the classifier alone, in seconds, or every layer [default: Head with --weights imagenet or torchvision and fewer than {StartingWeights.FewImages} images, else All]");
        var balanced = new Option<bool>("--balanced") { Description = "Weigh all classes the same, however many images they have" };
        var seed = Options.CreateNumber("--seed", Limits.Seed, "Seed of the initial weights, the image order and the augmentation", byDefault: 1);
        var device = Options.CreateDevice();
        var precision = Options.CreateOneOf<Precision>("--precision", "Precision of convolutions and matrix products in training; Auto is Bf16 with --channels-last where the CPU or GPU supports it and the network gets faster, else Fp32", byDefault: Precision.Auto);
        var channelsLast = new Option<bool>("--channels-last") { Description = "Keep the channels of a pixel together in memory" };
        var engine = Options.CreateOneOf<Engine>("--engine", "Engine that computes; Onnx takes a file from export", byDefault: Engine.Torch);
        var output = Options.CreateOutput();
        var recipe = new RecipeOptions();

        Option[] common = [data, weights, .. recipe.NetworkAndImages, .. recipe.Steps, seed, device, precision, channelsLast, output];
        Option[] all = [data, weights, train, .. recipe.NetworkAndImages, .. recipe.Steps, .. recipe.Schedule, balanced, seed, device, precision, channelsLast, output];
        int Train(ParseResult result) => RunWithData(result, result.GetValue(train), (set, settings, folder, remark) => TrainJob.Train(set, settings, folder, ranks, remark));

        var root = new RootCommand("Trains a residual network to classify images. Without a command and options, it trains a ResNet-18 on images of clothes that come with it.")
        {
            CreateCommand("train", "Start a training; the same as no command", Train, all),
            CreateResume(),
            CreateEvaluate(),
            CreatePredict(),
            CreateFeatures(),
            CreateSimilar(),
            CreateExport(),
            CreateLrFind(),
        };
        foreach (var option in all)
            root.Add(option);
        root.SetAction(ExitTogether(Train));
        return root;

        Command CreateResume()
        {
            var folder = Options.CreateArgument<string>("resume", "dir", "the folder of a training run", "Folder of an interrupted training");
            var moved = Options.CreateText("--data", "dir", "a folder", "New folder of the images, if they have moved [default: the original folder]");
            return CreateCommand("resume", "Continue a training after its last complete epoch", result => TrainJob.Resume(result.GetValue(folder)!, result.GetValue(moved), ranks), folder, moved);
        }

        Command CreateEvaluate()
        {
            var trained = Options.CreateArgument<string>("evaluate", "weights", Trained, "Folder of a training run, or a file in it: weights, or a file from export");
            var images = Options.CreateText("--data", "dir", "a folder", "Folder with images, all of which are tested: with MNIST's or CIFAR's files, or folders train and test, only the test part [default: the training's own test images]");
            return CreateCommand("evaluate", "Test a trained network", result => EvaluateJob.Run(result.GetValue(trained)!, result.GetValue(images), result.GetValue(engine)!.Value, result.GetValue(device)!, ranks), trained, images, engine, device);
        }

        Command CreatePredict()
        {
            var paths = Options.CreateArgument<string[]>("predict", "path", "an image, or a folder of images", "Images (JPEG, PNG, WebP, GIF, BMP), and folders with all their images");
            paths.Arity = ArgumentArity.OneOrMore;
            var model = Options.CreateText("--model", "dir", Trained, "Folder of a training run, or a file in it: weights, or a file from export [default: the last training run in runs/]");
            var csv = Options.CreateText("--csv", "file", "a file for a table", "Write the probability of every class into a table; - is the standard output");
            var explain = new Option<bool>("--explain") { Description = $"Draw where the network sees the likeliest classes in each image, as a PNG beside it whose name ends with {ExplanationFile.Ending}" };
            return CreateSingleRankCommand("predict", "Predict the classes of images",
                result => PredictJob.Run(result.GetValue(paths)!, result.GetValue(model), result.GetValue(csv), result.GetValue(explain), result.GetValue(engine)!.Value, result.GetValue(device)!), paths, model, csv, explain, engine, device);
        }

        Command CreateFeatures()
        {
            var paths = Options.CreateArgument<string[]>("features", "path", "an image, or a folder of images", "Images, and folders with all their images");
            paths.Arity = ArgumentArity.OneOrMore;
            var file = Options.CreateText("--out", "file", "a file that can be written", $"File to write, with a name that ends with {FeaturesJob.Extension}");
            file.Required = true;
            var (options, network) = CreateFeatureNetworkOptions();
            return CreateSingleRankCommand("features", "Write a network's features of images, for search and clustering",
                result => FeaturesJob.Run(result.GetValue(paths)!, network(result), result.GetValue(file)!), [paths, file, .. options]);
        }

        Command CreateSimilar()
        {
            var image = Options.CreateArgument<string>("similar", "image", "an image", "Image to compare with");
            var folder = Options.CreateText("--in", "dir", "a folder", "Folder with the images to search, at any depth");
            folder.Required = true;
            var count = Options.CreateWhole("--count", 1, 1_000_000, "Number of images to print", byDefault: 10);
            var (options, network) = CreateFeatureNetworkOptions();
            return CreateSingleRankCommand("similar", "Find the images in a folder that are most similar to one",
                result => SimilarJob.Run(result.GetValue(image)!, result.GetValue(folder)!, result.GetValue(count)!.Value, network(result)), [image, folder, count, .. options]);
        }

        (Option[] Options, Func<ParseResult, FeatureNetwork> Network) CreateFeatureNetworkOptions()
        {
            var model = Options.CreateText("--model", "dir", Trained, "Folder of a training run, or a weights file in it [default: a network with the weights of --weights]");
            var published = Options.CreateText("--weights", "file", "a file, imagenet or torchvision", "Weights: imagenet, which come with this program for ResNet-18 and from torchvision for the other networks; torchvision; or a weights file [default: imagenet]");
            var architecture = Options.CreateOneOf<Architecture>("--arch", "Network of --weights, by torchvision's names [default: resnet18]");
            return ([model, published, architecture, device],
                result => new FeatureNetwork(result.GetValue(model), result.GetValue(published), result.GetValue(architecture), result.GetValue(device)!));
        }

        Command CreateExport()
        {
            var trained = Options.CreateArgument<string>("export", "weights", Trained, "Folder of a training run, or a weights file in it");
            var int8 = new Option<bool>("--int8") { Description = "Quantize to 8 bits: smaller and faster, and slightly less accurate" };
            var calibration = Options.CreateText("--data", "dir", "a folder", "Folder with the calibration images for 8 bits [default: the training's]");
            var file = Options.CreateText("--out", "file", "a file that can be written", "ONNX file to write [default: model.onnx, or model.int8.onnx, in the training run's folder]");
            return CreateSingleRankCommand("export", "Export a trained network as an ONNX file", result => ExportJob.Run(result.GetValue(trained)!, result.GetValue(int8), result.GetValue(calibration), result.GetValue(file)), trained, int8, calibration, file);
        }

        Command CreateLrFind()
        {
            var steps = Options.CreateWhole("--steps", 10, 10_000, "Number of training steps, each with a higher rate", byDefault: 100);
            return CreateSingleRankCommand("lr-find", "Try learning rates from low to high and draw the loss", result =>
                RunWithData(result, TrainedLayers.All, (set, settings, folder, _) => LearningRateJob.Run(set, settings, result.GetValue(steps)!.Value, folder)), [.. common, steps]);
        }

        int RunWithData(ParseResult result, TrainedLayers? layers, Func<DataSet, Settings, string, string?, int> run)
        {
            if (recipe.GetBatchSize(result) is { } batchSize)
                TrainJob.ExpectImagesForAll(batchSize, ranks);
            var folder = Options.FindData(result, data);
            var set = DataSet.Load(folder);
            var start = result.GetValue(weights) is { } text ? WeightsSource.Parse(text) : null;
            layers ??= StartingWeights.ChooseLayers(start, set);
            if (layers == TrainedLayers.Head)
                ExpectHeadAlone(result, start);
            var byDefault = WeightsSource.IsPublished(start) ? set.Defaults.AdaptForFineTuning(set.Training.Count) : set.Defaults;
            var asGiven = recipe.Apply(result, byDefault);
            var used = ranks.AreSeveral ? recipe.ScaleRate(result, asGiven, byDefault) : asGiven;
            var settings = new Settings(
                Path.GetFullPath(folder),
                start,
                used,
                result.GetValue(seed)!.Value,
                result.GetValue(device)!,
                result.GetValue(precision)!.Value,
                result.GetValue(channelsLast),
                layers.Value,
                result.GetValue(balanced));
            return run(set, settings, Options.FindFolder(result, output), used == asGiven ? null
                : $"learning rate {Digits.FormatRate(used.LearningRate)} for {used.BatchSize} images per training step, in proportion to {Digits.FormatRate(byDefault.LearningRate)} for {byDefault.BatchSize}; --lr sets another rate");
        }

        Command CreateCommand(string name, string description, Func<ParseResult, int> run, params Symbol[] symbols)
        {
            var command = new Command(name, description);
            foreach (var argument in symbols.OfType<Argument>())
                command.Add(argument);
            foreach (var option in symbols.OfType<Option>())
                command.Add(option);
            command.SetAction(ExitTogether(run));
            return command;
        }

        Command CreateSingleRankCommand(string name, string description, Func<ParseResult, int> run, params Symbol[] symbols) => CreateCommand(name, description, result =>
        {
            ranks.ExpectOne(name, "ranks cannot share this command; start it without mpirun");
            return run(result);
        }, symbols);

        // All ranks exit together: the exit of the first could end another that is still writing.
        Func<ParseResult, int> ExitTogether(Func<ParseResult, int> run) => result =>
        {
            var code = run(result);
            ranks.Exchange(ExitCode.Done);
            return code;
        };

        // Refuses options without effect, which the user would believe to work.
        void ExpectHeadAlone(ParseResult result, string? start)
        {
            if (start is null)
                throw new UserException("--train Head: expected weights for the features, got none; --weights imagenet provides them");
            if (((Option[])[.. recipe.EveryLayer, channelsLast]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } option)
                throw new UserException($"{option.Name}: expected no such option when training the classifier alone, the default with published weights and fewer than {StartingWeights.FewImages} images; --train All trains every layer");
            if (result.GetValue(precision) == Precision.Fp16)
                throw new UserException($"{precision.Name}: expected Auto, Fp32 or Bf16 when training the classifier alone, got Fp16; --train All trains every layer");
        }
    }
}
