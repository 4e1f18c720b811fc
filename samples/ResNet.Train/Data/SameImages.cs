namespace ResNet.Train;

/// <summary>Finds copies of images. Copies across parts make the test or the validation look too good, and copies across classes have contradictory labels.</summary>
internal static class SameImages
{
    /// <returns>A line for each kind of copy found. Equal digests mean equal images: files byte for byte, images of MNIST and CIFAR with their labels.</returns>
    public static IEnumerable<string> Find(DataSet data, ImageList images, string folder)
    {
        if (FindShared(images.Test, images.Training, "test image is a training image as well", "test images are training images as well") is { } test)
            yield return test;
        if (FindShared(images.Validation, images.Training, "validation image is a training image as well", "validation images are training images as well") is { } validation)
            yield return validation;

        var digests = new[] { images.Training, images.Validation, images.Test }.SelectMany(part => part).ToDictionary();
        var twice = data.Training.Concat(data.Validation).Concat(data.Test)
            .Select(image => (Name: image.GetNameIn(folder), image.Label))
            .GroupBy(image => digests[image.Name])
            .Where(same => same.DistinctBy(image => image.Label).Count() > 1)
            .SelectMany(same => same.Select(image => image.Name));
        if (Format(twice, "image is in two classes", "images are in two classes") is { } classes)
            yield return classes;
    }

    /// <returns>A line if a network is tested with images that it was trained with, else null.</returns>
    /// <param name="tested">The tested images, at least one.</param>
    /// <param name="folder">Their folder.</param>
    /// <param name="trained">The images of the network's training.</param>
    /// <param name="cancellation">Stops the comparison.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static string? FindTrained(IReadOnlyList<Image> tested, string folder, ImageList trained, CancellationToken cancellation)
    {
        var known = trained.Training.Values.ToHashSet();
        var count = ImageList.ComputeDigests(tested, folder, cancellation).Values.Count(known.Contains);
        return count == 0 ? null
            : $"{count} of the {Plural.Format(tested.Count, "image")} {(count == 1 ? "was" : "were")} used in training, so {(count == tested.Count ? "this is no test of the network" : $"the network knows {(count == 1 ? "it" : "them")}")}";
    }

    private static string? FindShared(IReadOnlyDictionary<string, string> part, IReadOnlyDictionary<string, string> other, string one, string several)
    {
        var known = other.Values.ToHashSet();
        return Format(part.Where(image => known.Contains(image.Value)).Select(image => image.Key), one, several);
    }

    private static string? Format(IEnumerable<string> names, string one, string several)
    {
        string[] all = [.. names.Order(StringComparer.Ordinal)];
        return all.Length == 0 ? null : $"{Plural.Format(all.Length, one, several)}, such as {all[0]}";
    }
}
