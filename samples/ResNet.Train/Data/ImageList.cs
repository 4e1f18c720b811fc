using System.Collections.Concurrent;

namespace ResNet.Train;

/// <summary>
/// The images of a training run, so that it can be resumed with the same images and evaluated later on its own test images.
/// The list has each image's name within the folder and a digest of its content.
/// </summary>
internal sealed record ImageList(IReadOnlyDictionary<string, string> Training, IReadOnlyDictionary<string, string> Validation, IReadOnlyDictionary<string, string> Test)
{
    public const string FileName = "images.json";

    public static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>();

    /// <returns>The digests of a scan's readable images, by name.</returns>
    public static IReadOnlyDictionary<string, string> ListDigests(DatasetScan scan, string folder)
    {
        var digests = new Dictionary<string, string>(scan.Readable.Count);
        foreach (var (image, digest) in scan.Readable.Zip(scan.Digests))
            digests[image.GetNameIn(folder)] = digest;
        return digests;
    }

    /// <returns>The digests of images, by name. Unreadable images are left out.</returns>
    /// <param name="images">The images, with their original labels.</param>
    /// <param name="folder">The images' folder.</param>
    /// <param name="cancellation">Stops the computation.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static IReadOnlyDictionary<string, string> ComputeDigests(IEnumerable<Image> images, string folder, CancellationToken cancellation)
    {
        var digests = new ConcurrentDictionary<string, string>();
        Parallel.ForEach(images, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount }, image =>
        {
            try
            {
                digests[image.GetNameIn(folder)] = image.ComputeDigest();
            }
            catch (UserException)
            {
                // Reported when the image is decoded.
            }
        });
        return digests;
    }

    /// <returns>The digest of an image in any part.</returns>
    /// <param name="name">The image's name within the folder.</param>
    public string FindDigest(string name) =>
        Training.TryGetValue(name, out var digest) || Validation.TryGetValue(name, out digest) || Test.TryGetValue(name, out digest) ? digest : throw new KeyNotFoundException(name);

    public byte[] ToJson() => JsonFile.Write(this);

    /// <returns>The list in a training run's folder; null if there is none, as with version 0.1.0.</returns>
    /// <exception cref="UserException">The list is damaged, or cannot be read.</exception>
    public static ImageList? Read(string folder)
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
            throw new UserException($"{path}: expected training images, got none");
        if (Training.Keys.Concat(Validation.Keys).Concat(Test.Keys).GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserException($"{path}: expected each image in one part, got {twice.Key} in two");
    }

    /// <summary>Restores each image's part. A new split could differ, because a file that was added since moves it.</summary>
    /// <returns>The arranged images, and those that are not in the list.</returns>
    public (DataSet Data, IReadOnlyList<Image> Others) Arrange(DataSet data, string folder)
    {
        var others = new Dictionary<string, Image>();
        foreach (var image in data.Training.Concat(data.Validation).Concat(data.Test))
            others[image.GetNameIn(folder)] = image;
        var arranged = data with { Training = Take(Training), Validation = Take(Validation), Test = Take(Test) };
        return (arranged, [.. others.Values]);

        Image[] Take(IReadOnlyDictionary<string, string> part)
        {
            var taken = new List<Image>(part.Count);
            foreach (var name in part.Keys)
                if (others.Remove(name, out var image))
                    taken.Add(image);
            return [.. taken];
        }
    }

    /// <returns>The differences in words; null if there are none.</returns>
    public string? Compare(ImageList now)
    {
        var (before, after) = (ListAll(), now.ListAll());
        return Differences.Join(
            Differences.Format(after.Keys.Where(name => !before.ContainsKey(name)), "added"),
            Differences.Format(before.Keys.Where(name => !after.ContainsKey(name)), "gone or broken"),
            Differences.Format(before.Where(image => after.TryGetValue(image.Key, out var digest) && digest != image.Value).Select(image => image.Key), "changed"));
    }

    private Dictionary<string, string> ListAll()
    {
        var all = new Dictionary<string, string>();
        foreach (var (name, digest) in Training.Concat(Validation).Concat(Test))
            all[name] = digest;
        return all;
    }
}
