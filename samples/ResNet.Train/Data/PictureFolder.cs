namespace ResNet.Train;

/// <summary>
/// A folder of pictures for each class, as torchvision's <c>ImageFolder</c> has it: <c>cat/1.jpg</c>, <c>dog/2.png</c>. Or
/// several such sets beside each other: <c>train</c>, and <c>val</c> or <c>test</c> or both.
/// </summary>
internal static class PictureFolder
{
    private static readonly string[] trainingNames = ["train", "training"], validationNames = ["val", "valid", "validation"], testNames = ["test", "testing"];

    public static bool IsIn(string folder) => Folders(folder).Length > 0;

    public static DataSet Load(string folder)
    {
        // A folder train beside others is one of a set's parts, unless it is a class: of vehicles, say.
        var folders = Folders(folder);
        string[] partNames = [.. trainingNames, .. validationNames, .. testNames];
        var hasParts = Part(trainingNames) is not null && folders.All(path => IsNamed(path, partNames));
        var root = hasParts ? Part(trainingNames)! : folder;
        string[] classes = [.. Folders(root).Select(path => Path.GetFileName(path))];
        if (classes.Length < 2)
            throw new UserException($"{root}: expected a folder of pictures for each of two classes or more, got {classes.Length}");

        var test = hasParts ? Part(testNames) : null;
        var validation = hasParts ? Part(validationNames) : null;
        if (test is null)
            (test, validation) = (validation, null); // the one set that was not for training is for the test

        // What there is no folder for is taken from the training pictures.
        var training = Pictures(root, classes);
        (var tested, training) = test is null ? DataSet.Split(training) : (Pictures(test, classes), training);
        (var validated, training) = validation is null ? DataSet.Split(training) : (Pictures(validation, classes), training);
        return new DataSet(classes, Grey: false, training, validated, tested, Recipe.Photographs);

        string? Part(string[] names) => folders.FirstOrDefault(path => IsNamed(path, names));
    }

    /// <inheritdoc cref="DataSet.LoadAll"/>
    public static FolderImages LoadAll(string folder, bool forTest, IReadOnlyList<string> classes)
    {
        var folders = Folders(folder);
        string[][] parts = forTest ? [testNames, validationNames, trainingNames] : [trainingNames, validationNames, testNames];
        var hasParts = folders.All(path => parts.Any(names => IsNamed(path, names))) && !folders.All(path => classes.Contains(Path.GetFileName(path)));
        var root = hasParts ? parts.Select(names => folders.FirstOrDefault(path => IsNamed(path, names))).First(path => path is not null)! : folder;
        string[] found = [.. Folders(root).Select(path => Path.GetFileName(path))];
        return new FolderImages($"all images in '{root}'", found, Pictures(root, found));
    }

    private static bool IsNamed(string path, string[] names) => names.Contains(Path.GetFileName(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>Every file: what is no picture is told later, by its content and not by its name.</summary>
    private static IReadOnlyList<Picture> Pictures(string folder, string[] classes)
    {
        var unknown = Folders(folder).Select(path => Path.GetFileName(path)).Except(classes).ToArray();
        if (unknown.Length > 0)
            throw new UserException($"{folder}: expected the classes of the training pictures, got others as well: {string.Join(", ", unknown)}");
        return [.. classes.SelectMany((name, label) => Files(Path.Combine(folder, name)).Select(path => new FilePicture(path, label)))];
    }

    private static string[] Folders(string folder) => Sorted(Directory.EnumerateDirectories(folder));

    private static IEnumerable<string> Files(string folder) =>
        Directory.Exists(folder) ? [.. Sorted(Directory.EnumerateFiles(folder)), .. Folders(folder).SelectMany(Files)] : [];

    /// <summary>In the same order on every system, and without what is hidden, thumbnails above all.</summary>
    private static string[] Sorted(IEnumerable<string> paths) =>
        [.. paths.Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)];
}
