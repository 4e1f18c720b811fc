namespace ResNet.Train;

/// <summary>
/// A folder of pictures for each class, as torchvision's <c>ImageFolder</c> has it: <c>cat/1.jpg</c>, <c>dog/2.png</c>. Or
/// several such sets beside each other: <c>train</c>, and <c>val</c> or <c>test</c> or both.
/// </summary>
internal static class PictureFolder
{
    private const string Held = "a tenth of the training images";

    public static bool IsIn(string folder) => Listing.Folders(folder).Length > 0;

    public static DataSet Load(string folder)
    {
        var set = SetFolders.Of(folder);
        string[] classes = [.. Listing.Folders(set.Training).Select(path => Path.GetFileName(path))];
        if (classes.Length < 2)
            throw new UserException($"{set.Training}: expected a folder of pictures for each of two classes or more, got {classes.Length}{Alone(set.Training, classes)}");

        var files = new ImageFiles(folder);
        var remarks = new List<string>();
        if (set.LeftOut.Count > 0)
            remarks.Add($"{folder}: left out beside {Path.GetFileName(set.Training)}: {string.Join(", ", set.LeftOut)}");

        var training = Pictures(set.Training);
        var labels = training.Select(picture => picture.Label).ToHashSet();
        string[] empty = [.. classes.Where((_, label) => !labels.Contains(label))];
        if (empty.Length > 0)
            throw new UserException($"{set.Training}: expected training images of every class, got none of {string.Join(", ", empty)}");

        // A part without images in the classes' folders, such as a competition's test, cannot be used.
        (string Folder, IReadOnlyList<Picture> Pictures)[] parts = [.. new[] { set.Test, set.Validation }.OfType<string>().Select(part => (part, Pictures(part)))];
        var usable = new Queue<(string Folder, IReadOnlyList<Picture> Pictures)>(parts.Where(part => part.Pictures.Count > 0));
        // The only set that is not for training is for the test. What there is no folder for is taken from the training pictures.
        var (testFrom, test) = usable.TryDequeue(out var first) ? first : (Held, Split());
        var (validationFrom, validation) = usable.TryDequeue(out var second) ? second : (Held, Split());
        remarks.AddRange(parts.Where(part => part.Pictures.Count == 0).Select(part =>
            $"{part.Folder}: left out: expected a folder of images for each class, found none. The test is made with {testFrom}, the validation with {validationFrom}."));
        return new DataSet(classes, Grey: false, training, validation, test, Recipe.Photographs) { Remarks = [.. remarks, .. files.Remarks] };

        IReadOnlyList<Picture> Split()
        {
            (var heldOut, training) = DataSet.Split(training);
            return heldOut;
        }

        IReadOnlyList<Picture> Pictures(string part)
        {
            string[] names = [.. Listing.Folders(part).Select(path => Path.GetFileName(path))];
            if (names.Except(classes).ToArray() is { Length: > 0 } unknown)
                throw new UserException($"{part}: expected the classes of the training pictures, got others as well: {string.Join(", ", unknown)}" +
                    (unknown.Intersect(classes, StringComparer.OrdinalIgnoreCase).Any() ? "; large and small letters differ" : ""));
            Picture[] pictures = [.. classes.SelectMany((name, label) => files.Of(Path.Combine(part, name), part == set.Training).Select(path => new FilePicture(path, label)))];
            if (names.Length > 0 && Listing.Files(part).Count(FilePicture.IsImage) is > 0 and var loose)
                remarks.Add($"{part}: left out {loose} image(s) that lie beside the classes' folders");
            return pictures;
        }
    }

    /// <summary>Where there is one folder, the classes may be in it.</summary>
    private static string Alone(string folder, string[] names) =>
        names is not [var only] ? "" : Listing.Folders(Path.Combine(folder, only)).Length > 0 ? $", {only}; if the classes are in that, name {Path.Combine(folder, only)}" : $", {only}";
}
