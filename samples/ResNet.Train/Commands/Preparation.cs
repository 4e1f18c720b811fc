namespace ResNet.Train;

/// <summary>What comes before a training: a look at every picture.</summary>
internal static class Preparation
{
    private const int LeastFromScratch = 20, LeastWithWeights = 4;
    private const double Unbalanced = 3; // times as many images of one class as of another

    /// <param name="all">The set.</param>
    /// <param name="settings">Of the training.</param>
    /// <param name="normalisation">That the weights are for; null is the images' own.</param>
    /// <param name="known">Digests of images that were decoded before, in a training with that normalisation.</param>
    /// <param name="screen">Where progress is shown.</param>
    /// <param name="together">Who shares the look, and what ends it.</param>
    /// <returns>
    /// The set without the pictures that cannot be read, what there is to know of a network for it, and a list of the pictures;
    /// null if the user wants to stop.
    /// </returns>
    public static (DataSet Data, NetworkInfo Network, ImageList Images)? Of(
        DataSet all, Settings settings, Normalisation? normalisation, IReadOnlySet<string>? known, Screen screen, Together together)
    {
        screen.Line(all.ClassesInWords);
        Remark(all.Remarks);
        Survey training = null!, validation = null!, test = null!;
        NetworkInfo network = null!;
        try
        {
            together.ExpectSame(all.All, settings.Data);
            screen.WithBar(all.Training.Count + all.Validation.Count + all.Test.Count, () =>
            {
                training = Look(all.Training);
                validation = Look(all.Validation);
                test = Look(all.Test);
            });
            // The first rank alone knows weights that come from elsewhere, and their normalisation.
            network = together.FromFirst(NetworkInfo.Of(all, settings.Recipe, normalisation ?? Normalisation.Of(training.Histograms)));
        }
        catch (OperationCanceledException) when (together.Token.IsCancellationRequested)
        {
            screen.Line("interrupted before the training");
            return null;
        }
        Warn([.. training.Broken, .. validation.Broken, .. test.Broken]);

        var data = all with { Training = training.Readable, Validation = validation.Readable, Test = test.Readable };
        return (data, network, new ImageList(List(training), List(validation), List(test)));

        IReadOnlyDictionary<string, string> List(Survey survey) => ImageList.Of(survey, settings.Data);

        Survey Look(IReadOnlyList<Picture> pictures) =>
            Survey.OfAll(pictures, settings.Recipe.Size, settings.Recipe.Frame, all.Grey, () => screen.Step("looking at the pictures", together.Ranks.Count), together, known);
    }

    /// <summary>Whether a training can be made with the images that can be read, and what is to be known of it.</summary>
    /// <exception cref="UserException">Too few are left.</exception>
    public static void Expect(DataSet data, Settings settings, ImageList images)
    {
        if (data.Test.Count == 0 && settings.Train == TrainedLayers.All) // the other may have none, and is cross-validated
            Console.Error.WriteLine($"{settings.Data}: there is no test: expected test images, got none that can be read");
        var (count, classes) = (data.Training.Count + data.Validation.Count, data.Classes.Count);
        var least = settings.Weights is null ? LeastFromScratch : LeastWithWeights;
        if (count < least)
            throw new UserException($"{settings.Data}: expected at least {least} training images, got {count}{(settings.Weights is null && count >= LeastWithWeights ? $"; {LeastWithWeights} are enough with --weights imagenet" : "")}");
        if (data.Validation.Count == 0 && settings.Train == TrainedLayers.All)
            throw new UserException($"{settings.Data}: expected validation images, got none that can be read: without a folder for them, they are a tenth of the training images, of classes that have two or more");
        if (data.Training.DistinctBy(picture => picture.Label).Count() < classes)
            throw new UserException($"{settings.Data}: expected training images of every class, got none of {data.Classes[Enumerable.Range(0, classes).Except(data.Training.Select(picture => picture.Label)).First()]} that can be read");
        Remark(SameImages.Remarks(data, images, settings.Data));
        if (!settings.Balanced && data.Training[0] is FilePicture) // published sets are as they are
            RemarkUnbalanced(data);
    }

    private static void RemarkUnbalanced(DataSet data)
    {
        var counts = data.Training.CountBy(picture => picture.Label).ToArray();
        var (fewest, most) = (counts.MinBy(count => count.Value), counts.MaxBy(count => count.Value));
        if (most.Value >= Unbalanced * fewest.Value)
            Remark([$"the classes are unbalanced: {most.Value} training images of {data.Classes[most.Key]}, {fewest.Value} of {data.Classes[fewest.Key]}; --balanced counts all classes alike"]);
    }

    /// <summary>Says what is to be known of how a set was read.</summary>
    public static void Remark(IEnumerable<string> remarks)
    {
        foreach (var remark in remarks)
            Console.Error.WriteLine(remark);
    }

    /// <summary>Counts the pictures that are left out, and names each once.</summary>
    public static void Warn(IReadOnlyList<string> broken)
    {
        if (broken.Count == 0) return;
        Console.Error.WriteLine($"{broken.Count} files are left out, which are no images or broken:");
        foreach (var problem in broken)
            Console.Error.WriteLine($"  {problem}");
    }
}
