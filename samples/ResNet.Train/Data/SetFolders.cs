namespace ResNet.Train;

/// <summary>The parts of a dataset's folder, found by name and by content: a part holds folders, a class holds files only.</summary>
/// <param name="Training">The folder with the training classes: the dataset's own folder if it has no parts. Null if there are only other parts.</param>
/// <param name="Validation">The folder with the validation classes, or null.</param>
/// <param name="Test">The folder with the test classes, or null.</param>
/// <param name="LeftOut">The names of folders beside the parts that are no parts.</param>
internal sealed record SetFolders(string? Training, string? Validation, string? Test, IReadOnlyList<string> LeftOut)
{
    /// <summary>The names of the existing parts.</summary>
    public string PartNames => string.Join(" and ", new[] { Training, Test, Validation }.OfType<string>().Select(part => Path.GetFileName(part)));

    /// <exception cref="UserException">The folders are ambiguous.</exception>
    public static SetFolders Find(string folder)
    {
        var root = Unwrap(folder);
        var folders = Listing.ListFolders(root);
        SetPart[] named = [.. folders.Select(SetPart.Parse).OfType<SetPart>()];
        SetPart[] parts = [.. named.Where(part => part.Rest.Length == 0 || named.Any(other => other.Rest == part.Rest && other.Purpose != part.Purpose) || IsLikeATraining(part))];
        if (parts.Length == 0)
            return new SetFolders(root, null, null, []);

        string[] others = [.. folders.Except(parts.Select(part => part.Path)).Where(path => HoldsImages(path, levels: 3)).Select(path => Path.GetFileName(path))];
        if (parts is [var single] && others.Length > 0)
        {
            // A folder train with images, beside bus and car, is a class; so is valid beside invalid.
            if (!HoldsFolders(single) && (single.Purpose == Purpose.Training || single.Name.Equals("valid", StringComparison.OrdinalIgnoreCase)))
                return new SetFolders(root, null, null, []);
            // A train with folders may be a class as well. Beside a single other folder, such as unlabeled, it is a part.
            if (single.Purpose == Purpose.Training && (others.Length > 1 || single.Rest.Length > 0 || Listing.ListFiles(single.Path).Any(FileImage.IsImage)))
                throw new UserException($"{root}: expected folders of classes, or train and test, got {single.Name}, which holds folders like a part, beside {string.Join(", ", others)}; rename or move the folders that do not belong");
        }

        if (parts.GroupBy(part => part.Purpose).FirstOrDefault(same => same.Count() > 1) is { } several)
            throw new UserException($"{root}: expected one folder for each part of a dataset, got {string.Join(" and ", several.Select(part => part.Name))}");
        return new SetFolders(
            Find(Purpose.Training),
            Find(Purpose.Validation),
            Find(Purpose.Test),
            others);

        string? Find(Purpose purpose) => parts.FirstOrDefault(part => part.Purpose == purpose) is { } part ? Unwrap(part.Path) : null;

        // True for seg_train beside seg_pred, false for train_station beside airport
        bool IsLikeATraining(SetPart part) => part.Purpose == Purpose.Training && HoldsFolders(part)
            && folders.Any(path => path != part.Path && Path.GetFileName(path).Contains(part.Rest, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Enters nested folders of the same name, as some archives have them: <c>seg_train/seg_train</c>.</summary>
    private static string Unwrap(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return Listing.ListFolders(folder) is [var only] && Path.GetFileName(only).Equals(name, StringComparison.OrdinalIgnoreCase)
            && new DirectoryInfo(only).LinkTarget is null && Listing.ListFiles(folder).Length == 0
            ? Unwrap(only)
            : folder;
    }

    private static bool HoldsFolders(SetPart part) => Listing.ListFolders(Unwrap(part.Path)).Length > 0;

    /// <summary>Searches a limited depth, because links may form a circle.</summary>
    private static bool HoldsImages(string folder, int levels) =>
        Listing.ListFiles(folder).Any(FileImage.IsImage) || levels > 0 && Listing.ListFolders(folder).Any(inner => HoldsImages(inner, levels - 1));
}
