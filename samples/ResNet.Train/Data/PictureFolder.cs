namespace ResNet.Train;

/// <summary>
/// A folder of pictures for each class, as torchvision's <c>ImageFolder</c> has it: <c>cat/1.jpg</c>, <c>dog/2.png</c>. Or
/// several such sets beside each other: <c>train</c>, and <c>val</c> or <c>test</c> or both.
/// </summary>
internal static class PictureFolder
{
    private const string Held = "a tenth of the training images of each class";

    public static bool IsIn(string folder) => Listing.Folders(folder).Length > 0;

    public static DataSet Load(string folder)
    {
        var set = SetFolders.Of(folder);
        var trainingFolder = set.Training
            ?? throw new UserException($"{folder}: expected a folder train beside {set.PartNames}, got none{(set.LeftOut.Count > 0 ? $" beside {string.Join(", ", set.LeftOut)}; a class needs another name" : "")}");
        string[] classes = [.. Listing.Folders(trainingFolder).Select(path => Path.GetFileName(path))];
        if (classes.Length < 2)
            throw new UserException($"{trainingFolder}: expected a folder of pictures for each of two classes or more, got {classes.Length}{Alone(trainingFolder, classes)}");

        var files = new ImageFiles(folder);
        var remarks = new List<string>();
        if (set.LeftOut.Count > 0)
            remarks.Add($"{folder}: left out beside {Path.GetFileName(trainingFolder)}: {string.Join(", ", set.LeftOut)}");

        var training = Pictures(trainingFolder);
        var labels = training.Select(picture => picture.Label).ToHashSet();
        string[] empty = [.. classes.Where((_, label) => !labels.Contains(label))];
        if (empty.Length > 0)
            throw new UserException($"{trainingFolder}: expected training images of every class, got none of {string.Join(", ", empty)}");

        // A part without images in the classes' folders, such as a competition's test, cannot be used.
        (string Folder, IReadOnlyList<Picture> Pictures)[] parts = [.. new[] { set.Test, set.Validation }.OfType<string>().Select(part => (part, Pictures(part)))];
        var usable = new Queue<(string Folder, IReadOnlyList<Picture> Pictures)>(parts.Where(part => part.Pictures.Count > 0));
        // The only set that is not for training is for the test. What there is no folder for is taken from the training pictures.
        var (testFrom, test) = usable.TryDequeue(out var first) ? first : (Held, Split());
        var (validationFrom, validation) = usable.TryDequeue(out var second) ? second : (Held, Split());
        remarks.AddRange(parts.Where(part => part.Pictures.Count == 0).Select(part =>
            $"{part.Folder}: left out: expected a folder of images for each class, found none. The test is made with {testFrom}, the validation with {validationFrom}."));
        return new DataSet(classes, Grey: false, training, validation, test, Recipe.Photographs)
        {
            Remarks = [.. remarks, .. files.Remarks],
            TestIsHeldOut = testFrom == Held,
            ValidationIsHeldOut = validationFrom == Held,
        };

        IReadOnlyList<Picture> Split()
        {
            (var heldOut, training) = DataSet.SplitByClass(training);
            return heldOut;
        }

        IReadOnlyList<Picture> Pictures(string part)
        {
            string[] names = [.. Listing.Folders(part).Select(path => Path.GetFileName(path))];
            if (names.Except(classes).ToArray() is { Length: > 0 } unknown)
                throw new UserException($"{part}: expected the classes of the training pictures, got others as well: {string.Join(", ", unknown)}" +
                    (unknown.Intersect(classes, StringComparer.OrdinalIgnoreCase).Any() ? "; large and small letters differ" : ""));
            Picture[] pictures = [.. classes.SelectMany((name, label) => files.Of(Path.Combine(part, name), part == trainingFolder).Select(path => new FilePicture(path, label)))];
            if (names.Length > 0)
                RemarkLoose(part, remarks);
            return pictures;
        }
    }

    /// <inheritdoc cref="DataSet.LoadAll"/>
    public static FolderImages LoadAll(string folder, bool forTest, IReadOnlyList<string> classes)
    {
        var remarks = new List<string>();
        var part = Part(folder, forTest, classes, remarks);
        string[] found = [.. Listing.Folders(part).Select(path => Path.GetFileName(path))];
        var files = new ImageFiles(part);
        Picture[] images = [.. found.SelectMany((name, label) => files.Of(Path.Combine(part, name), isForTraining: false).Select(path => new FilePicture(path, label)))];
        RemarkLoose(part, remarks);
        return new FolderImages($"all images in '{part}'", found, images) { Remarks = [.. remarks, .. files.Remarks] };
    }

    /// <summary>The folder that holds the classes' folders: of a set with parts, the first in this order that has some.</summary>
    private static string Part(string folder, bool forTest, IReadOnlyList<string> classes, List<string> remarks)
    {
        // A test, or a train, can be a class of the network's.
        if (Listing.Folders(folder).All(path => classes.Contains(Path.GetFileName(path))))
            return folder;
        var set = SetFolders.Of(folder);
        if (set.Training is null && set.LeftOut.Count > 0)
            throw new UserException($"{folder}: expected a folder of images for each class, or the parts of a set, got {set.PartNames} beside {string.Join(", ", set.LeftOut)}; name the folder that is meant");
        string[] parts = [.. ((string?[])(forTest ? [set.Test, set.Validation, set.Training] : [set.Training, set.Validation, set.Test])).OfType<string>()];
        string[] unusable = [.. parts.TakeWhile(part => Listing.Folders(part).Length == 0)];
        remarks.AddRange(unusable.Select(part => $"{part}: left out: expected a folder of images for each class, found none"));
        return parts.Length > unusable.Length ? parts[unusable.Length]
            : throw new UserException($"{folder}: expected a folder of images for each class, found none in {set.PartNames}");
    }

    private static void RemarkLoose(string part, List<string> remarks)
    {
        if (Listing.Files(part).Count(FilePicture.IsImage) is > 0 and var loose)
            remarks.Add($"{part}: left out {loose} image(s) that lie beside the classes' folders");
    }

    /// <summary>Where there is one folder, the classes may be in it.</summary>
    private static string Alone(string folder, string[] names) =>
        names is not [var only] ? "" : Listing.Folders(Path.Combine(folder, only)).Length > 0 ? $", {only}; if the classes are in that, name {Path.Combine(folder, only)}" : $", {only}";
}
