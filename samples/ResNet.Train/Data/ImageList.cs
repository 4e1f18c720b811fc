namespace ResNet.Train;

/// <summary>
/// The images that a training uses, so that it can be resumed with the same ones, and tested later with those that it has
/// kept for that. Of each it has the name within the folder, and a digest of the content.
/// </summary>
internal sealed record ImageList(IReadOnlyDictionary<string, string> Training, IReadOnlyDictionary<string, string> Validation, IReadOnlyDictionary<string, string> Test)
{
    public const string FileName = "images.json";

    public static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>();

    /// <summary>The images that a survey could read.</summary>
    public static IReadOnlyDictionary<string, string> Of(Survey survey, string folder)
    {
        var digests = new Dictionary<string, string>(survey.Readable.Count);
        foreach (var (picture, digest) in survey.Readable.Zip(survey.Digests))
            digests[picture.NameIn(folder)] = digest;
        return digests;
    }

    /// <summary>Of an image in one of the parts.</summary>
    /// <param name="name">Within the folder.</param>
    public string Digest(string name) =>
        Training.TryGetValue(name, out var digest) || Validation.TryGetValue(name, out digest) || Test.TryGetValue(name, out digest) ? digest : throw new KeyNotFoundException(name);

    public byte[] ToJson() => JsonFile.Write(this);

    /// <returns>What a training has left in its folder; null where it has left none, as version 0.1.0 did.</returns>
    /// <exception cref="UserException">It is damaged, or cannot be read.</exception>
    public static ImageList? In(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var list = JsonFile.Read<ImageList>(path);
            list.Check(path);
            return list;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException e)
        {
            throw new UserException($"{path}: cannot be read: {e.Message}");
        }
    }

    private void Check(string path)
    {
        if (Training.Count == 0)
            throw new UserException($"{path}: expected training images, as every training has, got none");
        if (Training.Keys.Concat(Validation.Keys).Concat(Test.Keys).GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserException($"{path}: expected each image in one part, got {twice.Key} in two");
    }

    /// <summary>Puts the images of a folder into the parts that they had, wherever a split would put them now: a file that came since moves it.</summary>
    /// <returns>Also those that are not in the list.</returns>
    public (DataSet Data, IReadOnlyList<Picture> Others) Arrange(DataSet data, string folder)
    {
        var others = new Dictionary<string, Picture>();
        foreach (var picture in data.Training.Concat(data.Validation).Concat(data.Test))
            others[picture.NameIn(folder)] = picture;
        var arranged = data with { Training = Take(Training), Validation = Take(Validation), Test = Take(Test) };
        return (arranged, [.. others.Values]);

        Picture[] Take(IReadOnlyDictionary<string, string> part)
        {
            var taken = new List<Picture>(part.Count);
            foreach (var name in part.Keys)
                if (others.Remove(name, out var picture))
                    taken.Add(picture);
            return [.. taken];
        }
    }

    /// <returns>In words which images are others now; null where none is.</returns>
    public string? Compare(ImageList now)
    {
        var (before, after) = (All(), now.All());
        return Differences.Joined(
            Differences.Named(after.Keys.Where(name => !before.ContainsKey(name)), "added"),
            Differences.Named(before.Keys.Where(name => !after.ContainsKey(name)), "gone or broken"),
            Differences.Named(before.Where(image => after.TryGetValue(image.Key, out var digest) && digest != image.Value).Select(image => image.Key), "changed"));
    }

    private Dictionary<string, string> All()
    {
        var all = new Dictionary<string, string>();
        foreach (var (name, digest) in Training.Concat(Validation).Concat(Test))
            all[name] = digest;
        return all;
    }
}
