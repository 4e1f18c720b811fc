namespace ResNet.Train;

/// <summary>What a training began with, as its folder has it. It is resumed with the same, or not at all: other classes would give its outputs another meaning, and images that it has learned from would come to validate it.</summary>
internal sealed class Beginning
{
    private readonly string _folder;
    private readonly Settings _settings;
    private readonly ImageList? _images;

    private Beginning(string folder, Settings settings, NetworkInfo network, ImageList? images) =>
        (_folder, _settings, Network, _images) = (folder, settings, network, images);

    public NetworkInfo Network { get; }

    /// <param name="folder">Of the training.</param>
    /// <param name="settings">Of the training, with the folder in which its images are now.</param>
    /// <param name="data">What is there now.</param>
    /// <exception cref="UserException">Files of the training are damaged, missing or of two trainings, or the classes are others now.</exception>
    public static Beginning Of(string folder, Settings settings, DataSet data)
    {
        var beginning = new Beginning(folder, settings, NetworkInfo.Of(folder), ImageList.In(folder));
        var (network, recipe) = (beginning.Network, settings.Recipe);
        var (itsOwn, theirs) = ((network.Architecture, network.Stem, network.Size, network.Frame), (recipe.Architecture, recipe.Stem, recipe.Size, recipe.Frame));
        if (itsOwn != theirs)
            throw new UserException($"resume: expected {NetworkInfo.FileName} and {Settings.FileName} of one training in '{folder}', got those of two: {itsOwn} and {theirs}");
        var (before, now) = (beginning.Network.Classes, data.Classes);
        if (!before.SequenceEqual(now))
            throw beginning.Other("classes", Differences.Joined(Differences.Named(now.Except(before), "added"), Differences.Named(before.Except(now), "gone")) ?? "the same in another order");
        if (beginning._images is null && (data.TestIsHeldOut || data.ValidationIsHeldOut))
            throw new UserException($"resume: expected a file {Path.Combine(folder, ImageList.FileName)}, found none: which images the training, of version 0.1.0, has held out cannot be told; {beginning.StartAgain}");
        return beginning;
    }

    /// <summary>The images in the parts that they had. What is no part of the training comes to the test, so that it is looked at: it may be an image or not.</summary>
    public DataSet Arrange(DataSet data)
    {
        if (_images is null) return data;
        var (arranged, others) = _images.Arrange(data, _settings.Data);
        return arranged with { Test = [.. arranged.Test, .. others] };
    }

    /// <returns>What cannot be compared, if anything.</returns>
    /// <exception cref="UserException">The images are others now.</exception>
    public string? Compare(NetworkInfo network, ImageList images)
    {
        if (_images?.Compare(images) is { } differences)
            throw Other("images", differences);
        if (Network.Grey != network.Grey)
            throw Other("images", network.Grey ? "grey ones in place of coloured ones" : "coloured ones in place of grey ones");
        return _images is null ? $"whether the images are those that it began with cannot be told: there is no {ImageList.FileName} in its folder" : null;
    }

    private UserException Other(string what, string differences) =>
        new($"resume: expected the {what} that the training began with, in '{_settings.Data}', got others: {differences}; put them back, or {StartAgain}");

    private string StartAgain
    {
        get
        {
            var weights = Path.Combine(_folder, NetworkInfo.WeightsFileName);
            return $"start a new training with --data '{_settings.Data}'{(File.Exists(weights) ? $" --weights '{weights}'" : "")}";
        }
    }
}
