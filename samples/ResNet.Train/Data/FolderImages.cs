namespace ResNet.Train;

/// <summary>Images for something else than a training.</summary>
/// <param name="Description">Which, for a line that names them.</param>
/// <param name="Classes">Their classes.</param>
/// <param name="Images">With the numbers of these classes.</param>
internal sealed record FolderImages(string Description, IReadOnlyList<string> Classes, IReadOnlyList<Picture> Images)
{
    /// <inheritdoc cref="DataSet.Remarks"/>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>The images with the numbers that a network's outputs have, found by the names of the classes.</summary>
    /// <exception cref="UserException">There are images of a class that the network does not know.</exception>
    public IReadOnlyList<Picture> For(NetworkInfo network)
    {
        var outputs = network.Classes.Index().ToDictionary(output => output.Item, output => output.Index);
        var unknown = Images.Select(image => Classes[image.Label]).Distinct().Where(name => !outputs.ContainsKey(name)).ToArray();
        if (unknown.Length > 0)
            throw new UserException($"evaluate: expected pictures of the network's classes ({string.Join(", ", network.Classes)}), got others as well: {string.Join(", ", unknown)}");
        return [.. Images.Select(image => image.Relabel(outputs[Classes[image.Label]]))];
    }
}
