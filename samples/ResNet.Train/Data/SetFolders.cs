namespace ResNet.Train;

/// <summary>Which of a set's folders is for what, by their names and by whether they hold folders, as a part does, or files alone, as a class does.</summary>
/// <param name="Training">It holds the classes' folders: the set's own folder where it has no parts. May be missing where there are others.</param>
/// <param name="Validation">May be missing.</param>
/// <param name="Test">May be missing.</param>
/// <param name="LeftOut">Names of folders that lie beside the parts and are none.</param>
internal sealed record SetFolders(string? Training, string? Validation, string? Test, IReadOnlyList<string> LeftOut)
{
    /// <summary>Of those that are there.</summary>
    public string PartNames => string.Join(" and ", new[] { Training, Test, Validation }.OfType<string>().Select(part => Path.GetFileName(part)));

    /// <exception cref="UserException">The folders may mean one thing or another.</exception>
    public static SetFolders Of(string folder)
    {
        var root = Inside(folder);
        var folders = Listing.Folders(root);
        SetPart[] named = [.. folders.Select(SetPart.Of).OfType<SetPart>()];
        SetPart[] parts = [.. named.Where(part => part.Rest.Length == 0 || named.Any(other => other.Rest == part.Rest && other.Purpose != part.Purpose) || IsLikeATraining(part))];
        if (parts.Length == 0)
            return new SetFolders(root, null, null, []);

        string[] others = [.. folders.Except(parts.Select(part => part.Path)).Where(path => HoldsImages(path, levels: 3)).Select(path => Path.GetFileName(path))];
        if (parts is [var single] && others.Length > 0)
        {
            // Beside a bus and a car, a train that holds images itself is a class; so is valid, beside invalid.
            if (!HoldsFolders(single) && (single.Purpose == Purpose.Training || single.Name.Equals("valid", StringComparison.OrdinalIgnoreCase)))
                return new SetFolders(root, null, null, []);
            // One that holds folders may be a class as well. Beside a single other folder, such as unlabeled, it is a part.
            if (single.Purpose == Purpose.Training && (others.Length > 1 || single.Rest.Length > 0 || Listing.Files(single.Path).Any(FilePicture.IsImage)))
                throw new UserException($"{root}: expected folders of classes, or train and test, got {single.Name}, which holds folders as a part does, beside {string.Join(", ", others)}; rename or move what does not belong");
        }

        if (parts.GroupBy(part => part.Purpose).FirstOrDefault(same => same.Count() > 1) is { } several)
            throw new UserException($"{root}: expected one folder for each part of a set, got {string.Join(" and ", several.Select(part => part.Name))}");
        return new SetFolders(
            Find(Purpose.Training),
            Find(Purpose.Validation),
            Find(Purpose.Test),
            others);

        string? Find(Purpose purpose) => parts.FirstOrDefault(part => part.Purpose == purpose) is { } part ? Inside(part.Path) : null;

        // seg_train beside seg_pred, not a train_station beside an airport
        bool IsLikeATraining(SetPart part) => part.Purpose == Purpose.Training && HoldsFolders(part)
            && folders.Any(path => path != part.Path && Path.GetFileName(path).Contains(part.Rest, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Some archives hold a folder of their own name, with everything in it: <c>seg_train/seg_train</c>.</summary>
    private static string Inside(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return Listing.Folders(folder) is [var only] && Path.GetFileName(only).Equals(name, StringComparison.OrdinalIgnoreCase)
            && new DirectoryInfo(only).LinkTarget is null && Listing.Files(folder).Length == 0
            ? Inside(only)
            : folder;
    }

    private static bool HoldsFolders(SetPart part) => Listing.Folders(Inside(part.Path)).Length > 0;

    /// <summary>Not in every depth, since links may lead in a circle.</summary>
    private static bool HoldsImages(string folder, int levels) =>
        Listing.Files(folder).Any(FilePicture.IsImage) || levels > 0 && Listing.Folders(folder).Any(inner => HoldsImages(inner, levels - 1));
}
