namespace ResNet.Train;

/// <summary>The files of an interrupted training. A resumed training needs the same classes and images: other classes would change the meaning of its outputs, and other images could move training images into the validation.</summary>
internal sealed class ResumedTraining
{
    private readonly string _folder;
    private readonly Settings _settings;
    private readonly ImageList? _images;

    private ResumedTraining(string folder, Settings settings, ModelConfig network, ImageList? images) =>
        (_folder, _settings, Network, _images) = (folder, settings, network, images);

    public ModelConfig Network { get; }

    /// <param name="folder">The training run's folder.</param>
    /// <param name="settings">The training's settings, with the current folder of its images.</param>
    /// <param name="data">The current images.</param>
    /// <exception cref="UserException">Files are damaged, missing or from different trainings, or the classes have changed.</exception>
    public static ResumedTraining Read(string folder, Settings settings, DataSet data)
    {
        var beginning = new ResumedTraining(folder, settings, ModelConfig.Read(folder), ImageList.Read(folder));
        var (network, recipe) = (beginning.Network, settings.Recipe);
        var (itsOwn, theirs) = ((network.Architecture, network.Stem, network.Size, network.CropRatio), (recipe.Architecture, recipe.Stem, recipe.Size, recipe.CropRatio));
        if (itsOwn != theirs)
            throw new UserException($"resume: expected {ModelConfig.FileName} and {Settings.FileName} of one training in '{folder}', got files of two trainings: {itsOwn} and {theirs}");
        var (before, now) = (beginning.Network.Classes, data.Classes);
        if (!before.SequenceEqual(now))
            throw beginning.CreateChanged("classes", Differences.Join(Differences.Format(now.Except(before), "added"), Differences.Format(before.Except(now), "gone")) ?? "the same in a different order");
        if (beginning._images is null && (data.TestIsHeldOut || data.ValidationIsHeldOut))
            throw new UserException($"resume: expected a file {Path.Combine(folder, ImageList.FileName)}, found none: the training, by version 0.1.0, did not record which images it held out; {beginning.StartAgain}");
        return beginning;
    }

    /// <summary>Restores each image's part. Other files join the test part, so that the dataset scan checks whether they are images.</summary>
    public DataSet Arrange(DataSet data)
    {
        if (_images is null) return data;
        var (arranged, others) = _images.Arrange(data, _settings.Data);
        return arranged with { Test = [.. arranged.Test, .. others] };
    }

    /// <returns>A remark if the images cannot be compared, else null.</returns>
    /// <exception cref="UserException">The images have changed.</exception>
    public string? Compare(ModelConfig network, ImageList images)
    {
        if (_images?.Compare(images) is { } differences)
            throw CreateChanged("images", differences);
        if (Network.Grayscale != network.Grayscale)
            throw CreateChanged("images", network.Grayscale ? "grayscale instead of color" : "color instead of grayscale");
        return _images is null ? $"cannot check whether the images are still the same: there is no {ImageList.FileName} in the training's folder" : null;
    }

    private UserException CreateChanged(string what, string differences) =>
        new($"resume: expected the training's original {what} in '{_settings.Data}', got others: {differences}; restore them, or {StartAgain}");

    private string StartAgain
    {
        get
        {
            var weights = Path.Combine(_folder, ModelConfig.WeightsFileName);
            return $"start a new training with --data '{_settings.Data}'{(File.Exists(weights) ? $" --weights '{weights}'" : "")}";
        }
    }
}
