namespace ResNet.Train;

/// <summary>
/// A folder of images for each class, as for torchvision's <c>ImageFolder</c>: <c>cat/1.jpg</c>, <c>dog/2.png</c>. Or
/// several such parts side by side: <c>train</c>, and <c>val</c> or <c>test</c> or both.
/// </summary>
internal static class ImageFolder
{
    private const string HeldOut = "a tenth of the training images of each class";

    public static bool IsIn(string folder) => Listing.ListFolders(folder).Length > 0;

    public static DataSet Load(string folder)
    {
        var set = SetFolders.Find(folder);
        var trainingFolder = set.Training
            ?? throw new UserException($"{folder}: expected a folder train beside {set.PartNames}, got none{(set.LeftOut.Count > 0 ? $" beside {string.Join(", ", set.LeftOut)}; a class needs another name" : "")}");
        string[] classes = [.. Listing.ListFolders(trainingFolder).Select(path => Path.GetFileName(path))];
        if (classes.Length < 2)
            throw new UserException($"{trainingFolder}: expected a folder of images for each of two or more classes, got {classes.Length}{DescribeSingle(trainingFolder, classes)}");

        var files = new ImageFiles(folder);
        var remarks = new List<string>();
        if (set.LeftOut.Count > 0)
            remarks.Add($"{folder}: left out beside {Path.GetFileName(trainingFolder)}: {string.Join(", ", set.LeftOut)}");

        var training = ListImages(trainingFolder);
        var labels = training.Select(image => image.Label).ToHashSet();
        string[] empty = [.. classes.Where((_, label) => !labels.Contains(label))];
        if (empty.Length > 0)
            throw new UserException($"{trainingFolder}: expected training images of every class, got none of {string.Join(", ", empty.Select(name => $"'{name}'"))}; {(empty.Length == 1 ? "remove the folder, or put images into it" : "remove the folders, or put images into them")}");

        // A part without class folders, such as the test images of a competition, is unusable.
        (string Folder, IReadOnlyList<Image> Images)[] parts = [.. new[] { set.Test, set.Validation }.OfType<string>().Select(part => (part, ListImages(part)))];
        var usable = new Queue<(string Folder, IReadOnlyList<Image> Images)>(parts.Where(part => part.Images.Count > 0));
        // A single part beside the training images is the test. Missing parts are held out of the training images.
        var (testFrom, test) = usable.TryDequeue(out var first) ? first : (HeldOut, Split());
        var (validationFrom, validation) = usable.TryDequeue(out var second) ? second : (HeldOut, Split());
        remarks.AddRange(parts.Where(part => part.Images.Count == 0).Select(part =>
            $"{part.Folder}: left out: expected a folder of images for each class, found none. The test uses {testFrom}, the validation {validationFrom}."));
        return new DataSet(classes, Grayscale: false, training, validation, test, Recipe.Photographs)
        {
            Remarks = [.. remarks, .. files.Remarks],
            TestIsHeldOut = testFrom == HeldOut,
            ValidationIsHeldOut = validationFrom == HeldOut,
        };

        IReadOnlyList<Image> Split()
        {
            (var heldOut, training) = DataSet.SplitByClass(training);
            return heldOut;
        }

        IReadOnlyList<Image> ListImages(string part)
        {
            string[] names = [.. Listing.ListFolders(part).Select(path => Path.GetFileName(path))];
            if (names.Except(classes).ToArray() is { Length: > 0 } unknown)
                throw new UserException($"{part}: expected the classes of the training images, got others as well: {string.Join(", ", unknown)}" +
                    (unknown.Intersect(classes, StringComparer.OrdinalIgnoreCase).Any() ? "; upper and lower case differ" : ""));
            Image[] images = [.. classes.SelectMany((name, label) => files.List(Path.Combine(part, name), part == trainingFolder).Select(path => new FileImage(path, label)))];
            if (names.Length > 0)
                RemarkLoose(part, remarks);
            return images;
        }
    }

    /// <inheritdoc cref="DataSet.LoadAll"/>
    public static FolderImages LoadAll(string folder, bool forTest, IReadOnlyList<string> classes)
    {
        var remarks = new List<string>();
        var part = FindPart(folder, forTest, classes, remarks);
        string[] found = [.. Listing.ListFolders(part).Select(path => Path.GetFileName(path))];
        var files = new ImageFiles(part);
        Image[] images = [.. found.SelectMany((name, label) => files.List(Path.Combine(part, name), isForTraining: false).Select(path => new FileImage(path, label)))];
        RemarkLoose(part, remarks);
        return new FolderImages($"all images in '{part}'", found, images) { Remarks = [.. remarks, .. files.Remarks] };
    }

    /// <returns>The folder with the class folders: of a dataset with parts, the first part in order of preference that has any.</returns>
    private static string FindPart(string folder, bool forTest, IReadOnlyList<string> classes, List<string> remarks)
    {
        // A folder test or train can be one of the network's classes.
        if (Listing.ListFolders(folder).All(path => classes.Contains(Path.GetFileName(path))))
            return folder;
        var set = SetFolders.Find(folder);
        if (set.Training is null && set.LeftOut.Count > 0)
            throw new UserException($"{folder}: expected a folder of images for each class, or the parts of a dataset, got {set.PartNames} beside {string.Join(", ", set.LeftOut)}; name the folder to use");
        string[] parts = [.. ((string?[])(forTest ? [set.Test, set.Validation, set.Training] : [set.Training, set.Validation, set.Test])).OfType<string>()];
        string[] unusable = [.. parts.TakeWhile(part => Listing.ListFolders(part).Length == 0)];
        remarks.AddRange(unusable.Select(part => $"{part}: left out: expected a folder of images for each class, found none"));
        return parts.Length > unusable.Length ? parts[unusable.Length]
            : throw new UserException($"{folder}: expected a folder of images for each class, found none in {set.PartNames}");
    }

    private static void RemarkLoose(string part, List<string> remarks)
    {
        if (Listing.ListFiles(part).Count(FileImage.IsImage) is > 0 and var loose)
            remarks.Add($"{part}: left out {Plural.Format(loose, "image")} beside the class folders");
    }

    /// <summary>Describes a single folder, in which the classes may be.</summary>
    private static string DescribeSingle(string folder, string[] names) =>
        names is not [var only] ? "" : Listing.ListFolders(Path.Combine(folder, only)).Length > 0 ? $", {only}; if it holds the classes, name {Path.Combine(folder, only)}" : $", {only}";
}
