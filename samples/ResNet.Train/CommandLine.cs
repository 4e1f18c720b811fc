using System.CommandLine;

namespace ResNet.Train;

/// <summary>The commands, their options and the values they accept.</summary>
internal static class CommandLine
{
    private const string Trained = "the folder of a training, or a file in it";

    /// <param name="ranks">Who runs them.</param>
    public static RootCommand Create(Ranks ranks)
    {
        var data = Options.Text("--data", "dir", "a folder", "Folder with the pictures: a folder for each class, or the files of Fashion-MNIST, MNIST, CIFAR-10 or CIFAR-100 [default: a subset of Fashion-MNIST that comes with this program]");
        var weights = Options.Text("--weights", "file", "a file, imagenet or torchvision", "The weights to start from: imagenet, which ResNet-18 has beside this program and torchvision publishes for the others; torchvision; or a file with this program's own, or another network's of the same --arch [default: random weights]");
        var train = Options.OneOf<TrainedLayers>("--train", $"What learns: the classifier alone, in seconds, or every layer [default: Head with --weights imagenet or torchvision and fewer than {StartingWeights.FewImages} images, else All]");
        var balanced = new Option<bool>("--balanced") { Description = "Counts all classes alike, however many images they have" };
        var seed = Options.Number("--seed", Limits.Seed, "Of the initial weights, the order of the images and their augmentation", byDefault: 1);
        var device = Options.Device();
        var precision = Options.OneOf<Precision>("--precision", "Of convolutions and matrix products in training; Auto is Bf16 with --channels-last where the processor or GPU computes in it and the network gets faster, else Fp32", byDefault: Precision.Auto);
        var channelsLast = new Option<bool>("--channels-last") { Description = "Keeps the channels of a pixel together in memory" };
        var engine = Options.OneOf<Engine>("--engine", "What computes; Onnx takes what export has written", byDefault: Engine.Torch);
        var output = Options.Output();
        var recipe = new RecipeOptions();

        Option[] common = [data, weights, .. recipe.OfNetworkAndPictures, .. recipe.OfSteps, seed, device, precision, channelsLast, output];
        Option[] all = [data, weights, train, .. recipe.OfNetworkAndPictures, .. recipe.OfSteps, .. recipe.OfSchedule, balanced, seed, device, precision, channelsLast, output];
        int Train(ParseResult result) => WithData(result, result.GetValue(train), (set, settings, folder, remark) => TrainJob.Train(set, settings, folder, ranks, remark));

        var root = new RootCommand("Trains a residual network to tell pictures apart. Without a command and options a ResNet-18, on pictures of clothes that come with it.")
        {
            Command("train", "Starts a training; the same as no command at all", Train, all),
            Resume(),
            Evaluate(),
            Predict(),
            Features(),
            Similar(),
            Export(),
            FindLearningRate(),
        };
        foreach (var option in all)
            root.Add(option);
        root.SetAction(Together(Train));
        return root;

        Command Resume()
        {
            var folder = Options.Argument<string>("resume", "dir", "the folder of a training", "Folder of a training that was interrupted");
            var moved = Options.Text("--data", "dir", "a folder", "Folder with the pictures, where they have moved since [default: where they were]");
            return Command("resume", "Goes on with a training after its last complete epoch", result => TrainJob.Resume(result.GetValue(folder)!, result.GetValue(moved), ranks), folder, moved);
        }

        Command Evaluate()
        {
            var trained = Options.Argument<string>("evaluate", "weights", Trained, "Folder of a training, or a file with weights, or from export, in it");
            var pictures = Options.Text("--data", "dir", "a folder", "Folder with the pictures to test with, all of them: of MNIST's or CIFAR's files, and of folders train and test, those for the test [default: the training's own test images]");
            return Command("evaluate", "Tests a trained network", result => EvaluateJob.Run(result.GetValue(trained)!, result.GetValue(pictures), result.GetValue(engine)!.Value, result.GetValue(device)!, ranks), trained, pictures, engine, device);
        }

        Command Predict()
        {
            var paths = Options.Argument<string[]>("predict", "path", "a picture, or a folder of pictures", "Images (JPEG, PNG, WebP, GIF, BMP), and folders, of which all images are meant");
            paths.Arity = ArgumentArity.OneOrMore;
            var model = Options.Text("--model", "dir", Trained, "Folder of a training, or a file with weights, or from export, in it [default: the last training in runs/]");
            var csv = Options.Text("--csv", "file", "a file for a table", "Writes the probability of every class into a table; - is the standard output");
            var explain = new Option<bool>("--explain") { Description = $"Draws where in each image the network sees the likeliest classes, as a PNG beside it, whose name ends with {ExplanationFile.Ending}" };
            return Alone("predict", "Says what pictures show",
                result => PredictJob.Run(result.GetValue(paths)!, result.GetValue(model), result.GetValue(csv), result.GetValue(explain), result.GetValue(engine)!.Value, result.GetValue(device)!), paths, model, csv, explain, engine, device);
        }

        Command Features()
        {
            var paths = Options.Argument<string[]>("features", "path", "an image, or a folder of images", "Images, and folders, of which all images are meant");
            paths.Arity = ArgumentArity.OneOrMore;
            var file = Options.Text("--out", "file", "a file that can be written", $"The file, whose name ends with {FeaturesJob.Extension}");
            file.Required = true;
            var (options, network) = FeatureNetwork();
            return Alone("features", "Writes what a network makes of images, as numbers for search and clustering",
                result => FeaturesJob.Run(result.GetValue(paths)!, network(result), result.GetValue(file)!), [paths, file, .. options]);
        }

        Command Similar()
        {
            var image = Options.Argument<string>("similar", "image", "an image", "What to look for");
            var folder = Options.Text("--in", "dir", "a folder", "Folder with the images to look in, at any depth");
            folder.Required = true;
            var count = Options.Whole("--count", 1, 1_000_000, "How many images to name", byDefault: 10);
            var (options, network) = FeatureNetwork();
            return Alone("similar", "Finds the images of a folder that are most like one",
                result => SimilarJob.Run(result.GetValue(image)!, result.GetValue(folder)!, result.GetValue(count)!.Value, network(result)), [image, folder, count, .. options]);
        }

        (Option[] Options, Func<ParseResult, FeatureNetwork> Network) FeatureNetwork()
        {
            var model = Options.Text("--model", "dir", Trained, "Folder of a training, or a file with weights in it [default: a network with the weights of --weights]");
            var published = Options.Text("--weights", "file", "a file, imagenet or torchvision", "The weights: imagenet, which ResNet-18 has beside this program and torchvision publishes for the others; torchvision; or a file with some [default: imagenet]");
            var architecture = Options.OneOf<Architecture>("--arch", "The network of --weights, by torchvision's names [default: resnet18]");
            return ([model, published, architecture, device],
                result => new FeatureNetwork(result.GetValue(model), result.GetValue(published), result.GetValue(architecture), result.GetValue(device)!));
        }

        Command Export()
        {
            var trained = Options.Argument<string>("export", "weights", Trained, "Folder of a training, or a file with weights in it");
            var int8 = new Option<bool>("--int8") { Description = "In 8-bit integers: smaller and faster, and a little less accurate" };
            var pictures = Options.Text("--data", "dir", "a folder", "Folder with the pictures to fit 8 bits to [default: the training's]");
            var file = Options.Text("--out", "file", "a file that can be written", "The ONNX file [default: model.onnx, or model.int8.onnx, in the training's folder]");
            return Alone("export", "Writes a trained network as an ONNX file", result => ExportJob.Run(result.GetValue(trained)!, result.GetValue(int8), result.GetValue(pictures), result.GetValue(file)), trained, int8, pictures, file);
        }

        Command FindLearningRate()
        {
            var steps = Options.Whole("--steps", 10, 10_000, "How many, each with a higher rate", byDefault: 100);
            return Alone("lr-find", "Tries learning rates from low to high and draws the loss against them", result =>
                WithData(result, TrainedLayers.All, (set, settings, folder, _) => LearningRateJob.Run(set, settings, result.GetValue(steps)!.Value, folder)), [.. common, steps]);
        }

        int WithData(ParseResult result, TrainedLayers? layers, Func<DataSet, Settings, string, string?, int> run)
        {
            if (recipe.BatchSize(result) is { } batchSize)
                TrainJob.ExpectImagesForAll(batchSize, ranks);
            var folder = Options.FindData(result, data);
            var set = DataSet.Load(folder);
            var start = result.GetValue(weights) is { } text ? StartingWeights.Find(text) : null;
            layers ??= StartingWeights.TrainByDefault(start, set);
            if (layers == TrainedLayers.Head)
                ExpectHeadAlone(result, start);
            var byDefault = StartingWeights.IsPublished(start) ? set.Defaults.ForFineTuning(set.Training.Count) : set.Defaults;
            var asGiven = recipe.Of(result, byDefault);
            var used = ranks.AreSeveral ? recipe.WithRateForBatch(result, asGiven, byDefault) : asGiven;
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
                : $"learning rate {Digits.FormatRate(used.LearningRate)} for {used.BatchSize} images a step, in proportion to {Digits.FormatRate(byDefault.LearningRate)} for {byDefault.BatchSize}; --lr sets another one");
        }

        Command Command(string name, string description, Func<ParseResult, int> run, params Symbol[] symbols)
        {
            var command = new Command(name, description);
            foreach (var argument in symbols.OfType<Argument>())
                command.Add(argument);
            foreach (var option in symbols.OfType<Option>())
                command.Add(option);
            command.SetAction(Together(run));
            return command;
        }

        Command Alone(string name, string description, Func<ParseResult, int> run, params Symbol[] symbols) => Command(name, description, result =>
        {
            ranks.ExpectOne(name, "it is not shared by several, start it without mpirun");
            return run(result);
        }, symbols);

        // Whoever leaves first might end the others, of which one is still writing.
        Func<ParseResult, int> Together(Func<ParseResult, int> run) => result =>
        {
            var code = run(result);
            ranks.Exchange(ExitCode.Done);
            return code;
        };

        // What has no effect would be taken for one that had.
        void ExpectHeadAlone(ParseResult result, string? start)
        {
            if (start is null)
                throw new UserException("--train Head: expected weights whose features are used, got none; --weights imagenet has some");
            if (((Option[])[.. recipe.OfEveryLayer, channelsLast]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } option)
                throw new UserException($"{option.Name}: expected no such option where the classifier alone is trained, as by default with fewer than {StartingWeights.FewImages} images and published weights; --train All trains every layer");
            if (result.GetValue(precision) == Precision.Fp16)
                throw new UserException($"{precision.Name}: expected Auto, Fp32 or Bf16 where the classifier alone is trained, got Fp16; --train All trains every layer");
        }
    }
}
