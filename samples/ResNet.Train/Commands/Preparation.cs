namespace ResNet.Train;

/// <summary>What comes before a training: a look at every picture.</summary>
internal static class Preparation
{
    private const int LeastPictures = 20;

    /// <returns>
    /// The set without the pictures that cannot be read, what there is to know of a network for it, and a list of the pictures;
    /// null if the user wants to stop.
    /// </returns>
    public static (DataSet Data, NetworkInfo Network, ImageList Images)? Of(DataSet all, Settings settings, Screen screen, CancellationToken cancellation)
    {
        screen.Line(all.ClassesInWords);
        Remark(all.Remarks);
        Survey training = null!, validation = null!, test = null!;
        try
        {
            screen.WithBar(all.Training.Count + all.Validation.Count + all.Test.Count, () =>
            {
                training = Look(all.Training);
                validation = Look(all.Validation);
                test = Look(all.Test);
            });
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            screen.Line("interrupted before the training");
            return null;
        }
        Warn([.. training.Broken, .. validation.Broken, .. test.Broken]);

        var data = all with { Training = training.Readable, Validation = validation.Readable, Test = test.Readable };
        return (data, NetworkInfo.Of(data, settings.Recipe, Normalisation.Of(training.Histograms)), new ImageList(List(training), List(validation), List(test)));

        IReadOnlyDictionary<string, string> List(Survey survey) => ImageList.Of(survey, settings.Data);

        Survey Look(IReadOnlyList<Picture> pictures) =>
            Survey.Of(pictures, settings.Recipe.Size, settings.Recipe.Frame, all.Grey, () => screen.Step("looking at the pictures"), cancellation);
    }

    /// <summary>Whether a training can be made with the images that can be read, and what is to be known of it.</summary>
    /// <exception cref="UserException">Too few are left.</exception>
    public static void Expect(DataSet data, Settings settings, ImageList images)
    {
        if (data.Test.Count == 0)
            Console.Error.WriteLine($"{settings.Data}: there is no test: expected test images, got none that can be read");
        var (count, classes) = (data.Training.Count + data.Validation.Count, data.Classes.Count);
        if (count < LeastPictures)
            throw new UserException($"{settings.Data}: expected at least {LeastPictures} training images, got {count}");
        if (data.Validation.Count == 0)
            throw new UserException($"{settings.Data}: expected validation images, got none that can be read: without a folder for them, they are a tenth of the training images, of classes that have two or more");
        if (data.Training.DistinctBy(picture => picture.Label).Count() < classes)
            throw new UserException($"{settings.Data}: expected training images of every class, got none of {data.Classes[Enumerable.Range(0, classes).Except(data.Training.Select(picture => picture.Label)).First()]} that can be read");
        Remark(SameImages.Remarks(data, images, settings.Data));
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
