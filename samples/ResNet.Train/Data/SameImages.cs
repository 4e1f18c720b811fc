namespace ResNet.Train;

/// <summary>Copies of an image, which make a test or a validation better than it is, or teach two answers to one question.</summary>
internal static class SameImages
{
    /// <returns>A line for each kind that there is. Images are the same where their digests are: files byte for byte, others with their labels.</returns>
    public static IEnumerable<string> Remarks(DataSet data, ImageList images, string folder)
    {
        if (Shared(images.Test, images.Training, "test images are training images as well") is { } test)
            yield return test;
        if (Shared(images.Validation, images.Training, "validation images are training images as well") is { } validation)
            yield return validation;

        var digests = new[] { images.Training, images.Validation, images.Test }.SelectMany(part => part).ToDictionary();
        var twice = data.Training.Concat(data.Validation).Concat(data.Test)
            .Select(image => (Name: image.NameIn(folder), image.Label))
            .GroupBy(image => digests[image.Name])
            .Where(same => same.DistinctBy(image => image.Label).Count() > 1)
            .SelectMany(same => same.Select(image => image.Name));
        if (Line(twice, "images are in two classes") is { } classes)
            yield return classes;
    }

    private static string? Shared(IReadOnlyDictionary<string, string> part, IReadOnlyDictionary<string, string> other, string what)
    {
        var known = other.Values.ToHashSet();
        return Line(part.Where(image => known.Contains(image.Value)).Select(image => image.Key), what);
    }

    private static string? Line(IEnumerable<string> names, string what)
    {
        string[] all = [.. names.Order(StringComparer.Ordinal)];
        return all.Length == 0 ? null : $"{all.Length} {what}, such as {all[0]}";
    }
}
