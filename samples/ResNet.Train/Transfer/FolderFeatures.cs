using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The features of a training's images. Those in the training run's folder are not computed again.</summary>
/// <param name="model">The network. Its weights must not change before the features are computed.</param>
/// <param name="device">The network's device.</param>
/// <param name="dtype">The type to compute in.</param>
/// <param name="output">The training run's folder; null on ranks that do not write.</param>
/// <param name="screen">Shows the progress.</param>
internal sealed class FolderFeatures(ResidualNetwork model, Device device, ScalarType dtype, OutputFolder? output, Screen screen) : IDisposable
{
    private const int AtOnce = 256; // images; an interruption loses at most so many features

    private byte[]? _network; // set by Read
    private FeatureFile? _known;

    /// <summary>Reads the folder's features, on the rank that writes.</summary>
    /// <returns>A function that tells whether the folder has the features of an image with a given digest.</returns>
    public Func<string, bool> Read(ModelConfig network)
    {
        _network = FeatureFile.Identify(model, network, dtype);
        try
        {
            _known = FeatureFile.Read(output!.GetPath(FeatureFile.FileName), model.fc.in_features, _network);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            screen.WriteLine($"{e.Message}; computing the features again");
        }
        var known = _known?.Digests.ToHashSet() ?? [];
        return digest => known.Contains(FeatureFile.GetKey(digest));
    }

    /// <param name="images">The images, at least one, all of which are in the list.</param>
    /// <param name="network">The model config.</param>
    /// <param name="list">The list with each image's digest.</param>
    /// <param name="folder">The images' folder.</param>
    /// <param name="together">The ranks that share the work, and the interruption that stops it. The features computed so far are kept.</param>
    /// <returns>The features, shape (number of images, features), float32, on the CPU; null on ranks that do not write. The caller owns them.</returns>
    /// <exception cref="OperationCanceledException">The user interrupted the computation.</exception>
    /// <exception cref="UserException">An image can no longer be read, its features are not finite, or the file cannot be written.</exception>
    public Tensor? Load(IReadOnlyList<Image> images, ModelConfig network, ImageList list, string folder, Together together)
    {
        if (_network is null && output is not null)
            Read(network);
        using var scope = NewDisposeScope();
        string[] keys = [.. images.Select(image => FeatureFile.GetKey(list.FindDigest(image.GetNameIn(folder))))];
        var rows = (_known?.Digests ?? []).Index().ToDictionary(image => image.Item, image => image.Index);
        var parts = new List<Tensor>();
        if (_known is not null)
            parts.Add(_known.Features);

        var numbers = together.TakeFromFirst(keys.Index().Where(image => !rows.ContainsKey(image.Item)).DistinctBy(image => image.Item).Select(image => image.Index).ToArray());
        (string Key, Image Image)[] missing = [.. numbers.Select(i => (keys[i], images[i]))];
        if (missing.Length > 0)
        {
            try
            {
                Compute();
            }
            finally
            {
                if (output is not null && parts.Count > (_known is null ? 0 : 1))
                    new FeatureFile(_network!, [.. rows.OrderBy(row => row.Value).Select(row => row.Key)], cat(parts)).Write(output);
            }
        }
        if (output is null)
            return null;
        return cat(parts).index_select(0, tensor(keys.Select(key => (long)rows[key]).ToArray())).MoveToOuterDisposeScope();

        void Compute()
        {
            var (watch, done) = (Stopwatch.StartNew(), 0);
            using var extractor = new FeatureExtractor(model, network, device, dtype);
            screen.RunWithBar(missing.Length, () =>
            {
                foreach (var part in missing.Chunk(AtOnce))
                {
                    var features = extractor.Extract([.. part.Select(image => image.Image)], Advance, together);
                    if (!features.isfinite().all().item<bool>())
                        throw new UserException($"expected finite features, got others for one of the {part.Length} images from {part[0].Image.Name} on: the weights do not fit these images");
                    parts.Add(features);
                    foreach (var (key, _) in part)
                        rows[key] = rows.Count;
                }
            });
            screen.WriteLine($"features of {Plural.Format(images.Count, "image")}, {missing.Length} of them computed in {watch.Elapsed.TotalSeconds:0.0} s");

            void Advance(int count)
            {
                count *= together.Ranks.Count; // assumes ranks of equal speed
                done += count;
                screen.Advance($"features  {done / watch.Elapsed.TotalSeconds:0} images/s", count);
            }
        }
    }

    public void Dispose() => _known?.Features.Dispose();
}
