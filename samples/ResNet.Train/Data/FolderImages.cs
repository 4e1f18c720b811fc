namespace ResNet.Train;

/// <summary>Images for a purpose other than training.</summary>
/// <param name="Description">A description for the user.</param>
/// <param name="Classes">The class names.</param>
/// <param name="Images">The images, labeled with these classes.</param>
internal sealed record FolderImages(string Description, IReadOnlyList<string> Classes, IReadOnlyList<Image> Images)
{
    /// <inheritdoc cref="DataSet.Remarks"/>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Labels the images with the network's outputs, matched by class name.</summary>
    /// <exception cref="UserException">The network does not know the class of an image.</exception>
    public IReadOnlyList<Image> Relabel(ModelConfig network)
    {
        var outputs = network.Classes.Index().ToDictionary(output => output.Item, output => output.Index);
        var unknown = Images.Select(image => Classes[image.Label]).Distinct().Where(name => !outputs.ContainsKey(name)).ToArray();
        if (unknown.Length > 0)
            throw new UserException($"evaluate: expected images of the network's classes ({string.Join(", ", network.Classes)}), got others as well: {string.Join(", ", unknown)}");
        return [.. Images.Select(image => image.Relabel(outputs[Classes[image.Label]]))];
    }
}
