namespace ResNet.Train;

/// <summary>A dataset of images with classes.</summary>
/// <param name="Classes">The class names.</param>
/// <param name="Grayscale">Whether the images have one channel instead of three.</param>
/// <param name="Training">The training images.</param>
/// <param name="Validation">The validation images, for each epoch.</param>
/// <param name="Test">The test images, for the final result.</param>
/// <param name="Defaults">The default recipe.</param>
internal sealed record DataSet(
    IReadOnlyList<string> Classes, bool Grayscale, IReadOnlyList<Image> Training, IReadOnlyList<Image> Validation, IReadOnlyList<Image> Test, Recipe Defaults)
{
    private const int MostHeldOut = 5_000;

    /// <summary>Remarks for the user about how the dataset was read, one line each.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>The images of all parts.</summary>
    public IReadOnlyList<Image> All => [.. Training, .. Validation, .. Test];

    /// <summary>Whether the test images were held out of the training images, class by class, because there is no folder for them.</summary>
    public bool TestIsHeldOut { get; init; }

    /// <inheritdoc cref="TestIsHeldOut"/>
    public bool ValidationIsHeldOut { get; init; }

    /// <returns>The weight of a training image of each class. All classes weigh the same, and the mean over the images is 1.</returns>
    public double[] ComputeClassWeights()
    {
        var weights = new double[Classes.Count];
        foreach (var (label, count) in Training.CountBy(image => image.Label))
            weights[label] = (double)Training.Count / (Classes.Count * count);
        return weights;
    }

    /// <summary>Returns held-out images to the training images. Parts with a folder of their own stay.</summary>
    /// <param name="test">Whether to return the test images as well.</param>
    public DataSet Pool(bool test) => this with
    {
        Training = [.. Training, .. ValidationIsHeldOut ? Validation : [], .. test && TestIsHeldOut ? Test : []],
        Validation = ValidationIsHeldOut ? [] : Validation,
        Test = test && TestIsHeldOut ? [] : Test,
        ValidationIsHeldOut = false,
        TestIsHeldOut = TestIsHeldOut && !test,
    };

    /// <returns>The config of a network for these images.</returns>
    public ModelConfig CreateConfig(Recipe recipe, Normalization normalization) =>
        new(recipe.Stem, recipe.Size, recipe.CropRatio, Grayscale, normalization, Classes, recipe.Architecture);

    /// <summary>The classes in a line of limited length.</summary>
    public string ClassesInWords
    {
        get
        {
            var length = 0;
            string[] shown = [.. Classes.TakeWhile(name => (length += name.Length + 2) <= 100)];
            return $"{Classes.Count} classes: {string.Join(", ", shown)}{(shown.Length < Classes.Count ? ", …" : "")}";
        }
    }

    /// <summary>Reads a folder in any of the known layouts.</summary>
    /// <exception cref="UserException">The layout is unknown, or a file is damaged.</exception>
    public static DataSet Load(string folder) => Read(folder, () =>
    {
        var data = Mnist.IsIn(folder) ? Mnist.Load(folder)
            : CifarSet.IsIn(folder) ? CifarSet.Load(folder)
            : ImageFolder.IsIn(folder) ? ImageFolder.Load(folder)
            : throw CreateUnknown(folder);
        if (data.Classes.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserException($"{folder}: expected distinct class names, got {twice.Key} twice");
        return data;
    });

    /// <summary>Reads all images of a folder and holds none out. From a folder with a training and a test part, it reads only one of them.</summary>
    /// <param name="folder">A folder in one of the layouts of <see cref="Load"/>; one class is enough.</param>
    /// <param name="forTest">Whether to read the test part.</param>
    /// <param name="classes">The network's classes: a folder <c>test</c> may be one of them.</param>
    /// <exception cref="UserException">The layout is unknown, or a file is damaged.</exception>
    public static FolderImages LoadAll(string folder, bool forTest, IReadOnlyList<string> classes) => Read(folder, () =>
    {
        if (!Mnist.IsIn(folder) && !CifarSet.IsIn(folder))
            return ImageFolder.IsIn(folder) ? ImageFolder.LoadAll(folder, forTest, classes) : throw CreateUnknown(folder);
        var data = Load(folder);
        return forTest ? new FolderImages($"the test files in '{folder}'", data.Classes, data.Test)
            : new FolderImages($"the training files in '{folder}'", data.Classes, [.. data.Training, .. data.Validation]);
    });

    private static T Read<T>(string folder, Func<T> load)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"--data: expected a folder, got '{folder}'");
        try
        {
            return load();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{folder}: cannot be read: {e.Message}");
        }
    }

    private static UserException CreateUnknown(string folder) =>
        new(Listing.ListFiles(folder).Any(FileImage.IsImage)
            ? $"{folder}: expected a folder of images for each class, got the images of one class; name the folder above it"
            : $"{folder}: expected a folder of images for each class, or files in MNIST's or CIFAR's format ({Mnist.Files}, {CifarSet.Files}), found neither");

    /// <summary>
    /// Holds out a tenth of the images, but never the last one of a class. The choice does not depend on the seed, so that runs compare. It is for
    /// datasets of thousands; the published figures for them were measured with it.
    /// </summary>
    public static (IReadOnlyList<Image> HeldOut, IReadOnlyList<Image> Others) Split(IReadOnlyList<Image> images)
    {
        var shuffled = images.ToArray();
        new Random(0).Shuffle(shuffled);
        var count = Math.Min(MostHeldOut, shuffled.Length / 10);
        var left = shuffled.CountBy(image => image.Label).ToDictionary();
        var (heldOut, others) = (new List<Image>(count), new List<Image>(shuffled.Length - count));
        foreach (var image in shuffled)
        {
            var isHeldOut = heldOut.Count < count && left[image.Label] > 1;
            if (isHeldOut)
                left[image.Label]--;
            (isHeldOut ? heldOut : others).Add(image);
        }
        return (heldOut, others);
    }

    /// <summary>
    /// Holds out a tenth of the images of each class: every tenth of all images, ordered by class and shuffled within each class. The choice does
    /// not depend on the seed. A class with a single image keeps it.
    /// </summary>
    public static (IReadOnlyList<Image> HeldOut, IReadOnlyList<Image> Others) SplitByClass(IReadOnlyList<Image> images)
    {
        var random = new Random(0);
        var classes = images.GroupBy(image => image.Label).OrderBy(images => images.Key).Select(images => images.ToArray()).Where(images => images.Length > 1).ToArray();
        foreach (var ofClass in classes)
            random.Shuffle(ofClass);
        var heldOut = classes.SelectMany(images => images).Where((_, i) => i % 10 == 5).ToHashSet();
        return ([.. images.Where(heldOut.Contains)], [.. images.Where(image => !heldOut.Contains(image))]);
    }
}
