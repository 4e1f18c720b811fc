using System.Collections.Concurrent;

namespace ResNet.Train;

/// <summary>The test images that a training has kept, wherever the split of their folder would put them now.</summary>
internal sealed class OwnImages
{
    private readonly string _data;
    private readonly ImageList? _list;

    private OwnImages(string data, ImageList? list, FolderImages images) => (_data, _list, Images) = (data, list, images);

    public FolderImages Images { get; }

    /// <param name="folder">Of the training.</param>
    /// <exception cref="UserException">Files of the training are damaged or missing, or their folder is gone.</exception>
    public static OwnImages Of(string folder)
    {
        var (location, list) = (Settings.Of(folder, "evaluate").Data, ImageList.In(folder));
        if (!Directory.Exists(location))
            throw new UserException($"evaluate: expected the training's images in '{location}', where they were, found no such folder; --data DIR tests with all images of another folder");
        var data = DataSet.Load(location);
        if (list is null && data.TestIsHeldOut)
            throw new UserException($"evaluate: expected a file {Path.Combine(folder, ImageList.FileName)}, found none: which images the training, of version 0.1.0, has kept for the test cannot be told; --data DIR tests with all images of a folder");
        var (description, test) = list is null
            ? ($"the test images in '{location}' as they are now: the training has left no {ImageList.FileName}", data.Test)
            : ($"the training's test images in '{location}'", list.Arrange(data, location).Data.Test);
        return new OwnImages(location, list, new FolderImages(description, data.Classes, test) { Remarks = data.Remarks });
    }

    /// <param name="pictures">The images, with the labels that they had.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="UserException">Some are gone, broken or others.</exception>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancellation"/>.</exception>
    public void Compare(IReadOnlyList<Picture> pictures, CancellationToken cancellation)
    {
        if (_list is null) return;
        var now = new ConcurrentDictionary<string, string>();
        Parallel.ForEach(pictures, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount }, picture =>
        {
            try
            {
                now[picture.NameIn(_data)] = picture.Digest();
            }
            catch (UserException)
            {
                // It cannot be read, and counts as gone.
            }
        });
        if (OfTest(_list.Test).Compare(OfTest(now)) is { } differences)
            throw new UserException($"evaluate: expected the test images that the training has kept in '{_data}', got others: {differences}; --data DIR tests with all images of a folder");

        static ImageList OfTest(IReadOnlyDictionary<string, string> test) => new(ImageList.None, ImageList.None, test);
    }
}
