using System.Text.RegularExpressions;

namespace ResNet.Train;

/// <summary>The purpose of a part of a dataset.</summary>
internal enum Purpose
{
    Training,
    Validation,
    Test,
}

/// <summary>A folder whose name is that of a part of a dataset: <c>train</c>, <c>Training_Set</c>, <c>seg_train</c>, <c>train2017</c>.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Purpose">The purpose in its name.</param>
/// <param name="Rest">The rest of its name, such as <c>seg</c>. A <c>train_station</c> is a part only beside a <c>test_station</c>.</param>
internal sealed partial record SetPart(string Path, Purpose Purpose, string Rest)
{
    private static readonly string[] general = ["set", "sets", "data", "dataset", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "folder", "split"];

    private static readonly Dictionary<string, Purpose> purposes = new()
    {
        ["train"] = Purpose.Training,
        ["training"] = Purpose.Training,
        ["trainset"] = Purpose.Training,
        ["trainingset"] = Purpose.Training,
        ["val"] = Purpose.Validation,
        ["valid"] = Purpose.Validation,
        ["validation"] = Purpose.Validation,
        ["valset"] = Purpose.Validation,
        ["validationset"] = Purpose.Validation,
        ["test"] = Purpose.Test,
        ["testing"] = Purpose.Test,
        ["testset"] = Purpose.Test,
    };

    public string Name => System.IO.Path.GetFileName(Path);

    /// <returns>The part; null if the name is not that of a part.</returns>
    public static SetPart? Parse(string path)
    {
        string[] words = [.. GetWordRegex().Matches(System.IO.Path.GetFileName(path)).Select(word => word.Value.ToLowerInvariant())];
        string[] found = [.. words.Where(purposes.ContainsKey)];
        return found.Length == 1 ? new SetPart(path, purposes[found[0]], string.Join(' ', words.Except(found).Except(general))) : null;
    }

    [GeneratedRegex(@"\p{Lu}?\p{Ll}+|\p{Lu}+|[\p{L}-[\p{Lu}\p{Ll}]]+")]
    private static partial Regex GetWordRegex();
}
