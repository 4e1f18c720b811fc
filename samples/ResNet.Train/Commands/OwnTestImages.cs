namespace ResNet.Train;

/// <summary>A training run's own test images, in whichever part a new split of their folder would put them.</summary>
internal sealed class OwnTestImages
{
    private readonly string _data;
    private readonly ImageList? _list;

    private OwnTestImages(string data, ImageList? list, FolderImages images) => (_data, _list, Images) = (data, list, images);

    public FolderImages Images { get; }

    /// <param name="folder">The training run's folder.</param>
    /// <exception cref="UserException">Files of the training run are damaged or missing, or the images' folder is gone.</exception>
    public static OwnTestImages Load(string folder)
    {
        var (location, list) = (Settings.Read(folder, "evaluate").Data, ImageList.Read(folder));
        if (!Directory.Exists(location))
            throw new UserException($"evaluate: expected the training's images in '{location}', found no such folder; --data DIR tests all images of another folder");
        if (list is { Test.Count: 0 })
            throw new UserException("evaluate: expected test images of the training, got none" +
                (list.Validation.Count == 0 ? $": all its images were cross-validated, with the result in {Path.Combine(folder, TrainJob.ConfusionFile)}" : "") +
                "; --data DIR tests images that the training has not seen");
        var data = DataSet.Load(location);
        if (list is null && data.TestIsHeldOut)
            throw new UserException($"evaluate: expected a file {Path.Combine(folder, ImageList.FileName)}, found none: the training, by version 0.1.0, did not record its test images; --data DIR tests all images of a folder");
        var (description, test) = list is null
            ? ($"the current test images in '{location}': the training left no {ImageList.FileName}", data.Test)
            : ($"the training's test images in '{location}'", list.Arrange(data, location).Data.Test);
        return new OwnTestImages(location, list, new FolderImages(description, data.Classes, test) { Remarks = data.Remarks });
    }

    /// <param name="images">The images, with their original labels.</param>
    /// <param name="cancellation">Stops the comparison.</param>
    /// <exception cref="UserException">Images are gone, broken or changed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public void Compare(IReadOnlyList<Image> images, CancellationToken cancellation)
    {
        if (_list is null) return;
        var now = ImageList.ComputeDigests(images, _data, cancellation); // an unreadable image counts as gone
        if (CreateList(_list.Test).Compare(CreateList(now)) is { } differences)
            throw new UserException($"evaluate: expected the training's test images in '{_data}', got others: {differences}; --data DIR tests all images of a folder");

        static ImageList CreateList(IReadOnlyDictionary<string, string> test) => new(ImageList.None, ImageList.None, test);
    }
}
