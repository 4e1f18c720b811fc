namespace ResNet.Train;

/// <summary>Pictures with their classes.</summary>
/// <param name="Classes">Their names.</param>
/// <param name="Grey">Whether the pictures have one channel in place of three.</param>
/// <param name="Training">What the network learns from.</param>
/// <param name="Validation">What each epoch is judged by.</param>
/// <param name="Test">What the result is judged by, once, at the end.</param>
/// <param name="Defaults">How to train on it where the user does not say otherwise.</param>
internal sealed record DataSet(
    IReadOnlyList<string> Classes, bool Grey, IReadOnlyList<Picture> Training, IReadOnlyList<Picture> Validation, IReadOnlyList<Picture> Test, Recipe Defaults)
{
    private const int MostHeldOut = 5_000;

    /// <summary>What the user should know of how the set was read, a line each.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Those of all parts.</summary>
    public IReadOnlyList<Picture> All => [.. Training, .. Validation, .. Test];

    /// <summary>Whether the test images were taken from the training images, class by class, since there was no folder for them.</summary>
    public bool TestIsHeldOut { get; init; }

    /// <inheritdoc cref="TestIsHeldOut"/>
    public bool ValidationIsHeldOut { get; init; }

    /// <summary>What a training image of each class counts, so that all classes count alike and an image on average 1.</summary>
    public double[] ClassWeights()
    {
        var weights = new double[Classes.Count];
        foreach (var (label, count) in Training.CountBy(picture => picture.Label))
            weights[label] = (double)Training.Count / (Classes.Count * count);
        return weights;
    }

    /// <summary>The set with what was held out back in the training. What has a folder of its own stays there.</summary>
    /// <param name="test">Whether the test images go back as well.</param>
    public DataSet Pool(bool test) => this with
    {
        Training = [.. Training, .. ValidationIsHeldOut ? Validation : [], .. test && TestIsHeldOut ? Test : []],
        Validation = ValidationIsHeldOut ? [] : Validation,
        Test = test && TestIsHeldOut ? [] : Test,
        ValidationIsHeldOut = false,
        TestIsHeldOut = TestIsHeldOut && !test,
    };

    /// <summary>In a line that does not grow with them.</summary>
    public string ClassesInWords
    {
        get
        {
            var length = 0;
            string[] shown = [.. Classes.TakeWhile(name => (length += name.Length + 2) <= 100)];
            return $"{Classes.Count} classes: {string.Join(", ", shown)}{(shown.Length < Classes.Count ? ", …" : "")}";
        }
    }

    /// <summary>Reads a folder of any of the layouts that this program knows.</summary>
    /// <exception cref="UserException">It is none of them, or something in it is damaged.</exception>
    public static DataSet Load(string folder) => Reading(folder, () =>
    {
        var data = Mnist.IsIn(folder) ? Mnist.Load(folder)
            : CifarSet.IsIn(folder) ? CifarSet.Load(folder)
            : PictureFolder.IsIn(folder) ? PictureFolder.Load(folder)
            : throw Unknown(folder);
        if (data.Classes.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserException($"{folder}: expected classes of different names, got {twice.Key} twice");
        return data;
    });

    /// <summary>All images of a folder, none of them held out. Where there are some for training and some for the test, those for one of the two.</summary>
    /// <param name="folder">In one of the layouts that <see cref="Load"/> reads; one class is enough.</param>
    /// <param name="forTest">Those for the test.</param>
    /// <param name="classes">A network's: a folder <c>test</c> may be one of them.</param>
    /// <exception cref="UserException">It is none of the layouts, or something in it is damaged.</exception>
    public static FolderImages LoadAll(string folder, bool forTest, IReadOnlyList<string> classes) => Reading(folder, () =>
    {
        if (!Mnist.IsIn(folder) && !CifarSet.IsIn(folder))
            return PictureFolder.IsIn(folder) ? PictureFolder.LoadAll(folder, forTest, classes) : throw Unknown(folder);
        var data = Load(folder);
        return forTest ? new FolderImages($"the test files in '{folder}'", data.Classes, data.Test)
            : new FolderImages($"the training files in '{folder}'", data.Classes, [.. data.Training, .. data.Validation]);
    });

    private static T Reading<T>(string folder, Func<T> load)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"--data: expected a folder, got '{folder}', which is none");
        try
        {
            return load();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{folder}: cannot be read: {e.Message}");
        }
    }

    private static UserException Unknown(string folder) =>
        new($"{folder}: expected a folder of pictures for each class, or the files of MNIST's or CIFAR's format ({Mnist.Files}, {CifarSet.Files}), found none of them");

    /// <summary>
    /// Takes a tenth of the pictures, the same ones whatever the seed, so that runs can be compared, but not the last one of a class. It is for
    /// sets of thousands; the figures that are published for them were measured with it.
    /// </summary>
    public static (IReadOnlyList<Picture> HeldOut, IReadOnlyList<Picture> Others) Split(IReadOnlyList<Picture> pictures)
    {
        var shuffled = pictures.ToArray();
        new Random(0).Shuffle(shuffled);
        var count = Math.Min(MostHeldOut, shuffled.Length / 10);
        var left = shuffled.CountBy(picture => picture.Label).ToDictionary();
        var (heldOut, others) = (new List<Picture>(count), new List<Picture>(shuffled.Length - count));
        foreach (var picture in shuffled)
        {
            var isHeldOut = heldOut.Count < count && left[picture.Label] > 1;
            if (isHeldOut)
                left[picture.Label]--;
            (isHeldOut ? heldOut : others).Add(picture);
        }
        return (heldOut, others);
    }

    /// <summary>
    /// Takes a tenth of the images of each class, the same ones whatever the seed: every tenth where they lie class by class, shuffled within
    /// each. A class never gives its only one.
    /// </summary>
    public static (IReadOnlyList<Picture> HeldOut, IReadOnlyList<Picture> Others) SplitByClass(IReadOnlyList<Picture> images)
    {
        var random = new Random(0);
        var classes = images.GroupBy(image => image.Label).OrderBy(images => images.Key).Select(images => images.ToArray()).Where(images => images.Length > 1).ToArray();
        foreach (var ofClass in classes)
            random.Shuffle(ofClass);
        var heldOut = classes.SelectMany(images => images).Where((_, i) => i % 10 == 5).ToHashSet();
        return ([.. images.Where(heldOut.Contains)], [.. images.Where(image => !heldOut.Contains(image))]);
    }
}
