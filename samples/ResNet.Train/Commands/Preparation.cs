namespace ResNet.Train;

/// <summary>Prepares a training: scans the dataset and checks that it is large enough.</summary>
internal static class Preparation
{
    private const int LeastFromScratch = 20, LeastWithWeights = 4;
    private const double Unbalanced = 3; // times as many images of the largest class as of the smallest

    /// <param name="all">The dataset.</param>
    /// <param name="settings">The training's settings.</param>
    /// <param name="normalization">The normalization of the starting weights; null is the images' own.</param>
    /// <param name="isKnown">Whether an image with a given digest was decoded before, in a training with that normalization.</param>
    /// <param name="screen">Shows the progress.</param>
    /// <param name="together">The ranks that share the scan, and the interruption that stops it.</param>
    /// <returns>The dataset without unreadable images, a model config for it, and the image list; null if the user interrupted the scan.</returns>
    public static (DataSet Data, ModelConfig Network, ImageList Images)? Run(
        DataSet all, Settings settings, Normalization? normalization, Func<string, bool>? isKnown, Screen screen, Together together)
    {
        screen.WriteLine(all.ClassesInWords);
        Remark(all.Remarks);
        DatasetScan training = null!, validation = null!, test = null!;
        ModelConfig network = null!;
        try
        {
            together.ExpectSame(all.All, settings.Data);
            screen.RunWithBar(all.Training.Count + all.Validation.Count + all.Test.Count, () =>
            {
                training = Scan(all.Training);
                validation = Scan(all.Validation);
                test = Scan(all.Test);
            });
            // Only the first rank has loaded the starting weights and knows their normalization.
            network = together.TakeFromFirst(all.CreateConfig(settings.Recipe, normalization ?? Normalization.Compute(training.Histograms)));
        }
        catch (OperationCanceledException) when (together.Token.IsCancellationRequested)
        {
            screen.WriteLine("interrupted before the training");
            return null;
        }
        Warn([.. training.Broken, .. validation.Broken, .. test.Broken]);

        var data = all with { Training = training.Readable, Validation = validation.Readable, Test = test.Readable };
        return (data, network, new ImageList(List(training), List(validation), List(test)));

        IReadOnlyDictionary<string, string> List(DatasetScan scan) => ImageList.ListDigests(scan, settings.Data);

        DatasetScan Scan(IReadOnlyList<Image> images) =>
            DatasetScan.ScanTogether(images, settings.Recipe.Size, settings.Recipe.CropRatio, all.Grayscale, () => screen.Advance("scanning the images", together.Ranks.Count), together, isKnown);
    }

    /// <summary>Throws unless there are enough readable images for a training, and warns about their flaws.</summary>
    /// <exception cref="UserException">There are too few images.</exception>
    public static void Expect(DataSet data, Settings settings, ImageList images)
    {
        if (data.Test.Count == 0 && settings.Train == TrainedLayers.All) // a head without test images is cross-validated
            Console.Error.WriteLine($"{settings.Data}: there will be no test: expected test images, got none that can be read");
        var (count, classes) = (data.Training.Count + data.Validation.Count, data.Classes.Count);
        var least = settings.Weights is null ? LeastFromScratch : LeastWithWeights;
        if (count < least)
            throw new UserException($"{settings.Data}: expected at least {least} training images, got {count}{(settings.Weights is null && count >= LeastWithWeights ? $"; with --weights imagenet {LeastWithWeights} are enough" : "")}");
        if (data.Validation.Count == 0 && settings.Train == TrainedLayers.All)
            throw new UserException($"{settings.Data}: expected validation images, got none that can be read; without a folder for them, a tenth of the training images is held out, from classes with two or more");
        if (data.Training.DistinctBy(image => image.Label).Count() < classes)
            throw new UserException($"{settings.Data}: expected training images of every class, got none of '{data.Classes[Enumerable.Range(0, classes).Except(data.Training.Select(image => image.Label)).First()]}' that can be read; remove the class, or add images");
        Remark(SameImages.Find(data, images, settings.Data));
        if (!settings.Balanced && data.Training[0] is FileImage) // published datasets need no warning
            RemarkUnbalanced(data);
    }

    private static void RemarkUnbalanced(DataSet data)
    {
        var counts = data.Training.CountBy(image => image.Label).ToArray();
        var (fewest, most) = (counts.MinBy(count => count.Value), counts.MaxBy(count => count.Value));
        if (most.Value >= Unbalanced * fewest.Value)
            Remark([$"the classes are unbalanced: {most.Value} training images of {data.Classes[most.Key]}, {fewest.Value} of {data.Classes[fewest.Key]}; --balanced weighs all classes the same"]);
    }

    /// <summary>Prints remarks.</summary>
    public static void Remark(IEnumerable<string> remarks)
    {
        foreach (var remark in remarks)
            Console.Error.WriteLine(remark);
    }

    /// <summary>Prints the images that are left out.</summary>
    public static void Warn(IReadOnlyList<string> broken)
    {
        if (broken.Count == 0) return;
        Console.Error.WriteLine($"{Plural.Format(broken.Count, "file is left out because it is broken or not an image", "files are left out because they are broken or not images")}:");
        foreach (var problem in broken)
            Console.Error.WriteLine($"  {problem}");
    }
}
