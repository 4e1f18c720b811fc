using System.Diagnostics;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The features of a training's images. What the training's folder has of them is not computed again.</summary>
/// <param name="model">The network. Its weights stay as they are until the features are there.</param>
/// <param name="device">Where it is.</param>
/// <param name="dtype">In which it computes them.</param>
/// <param name="output">The training's folder; null where another rank writes into it.</param>
/// <param name="screen">Where progress is shown.</param>
internal sealed class FolderFeatures(ResidualNetwork model, Device device, ScalarType dtype, OutputFolder? output, Screen screen) : IDisposable
{
    private const int AtOnce = 256; // images, after which an interruption finds the others kept

    private byte[]? _network; // once the file was looked at
    private FeatureFile? _known;

    /// <summary>Looks at what the folder has. It is for the rank that writes into it.</summary>
    /// <returns>Digests of the images whose features it has.</returns>
    public IReadOnlySet<string> Read(NetworkInfo network)
    {
        _network = FeatureFile.Identify(model, network, dtype);
        try
        {
            _known = FeatureFile.Read(output!.PathFor(FeatureFile.FileName), model.fc.in_features, _network);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            screen.Line($"{e.Message}; the features are computed anew");
        }
        return _known?.Digests.ToHashSet() ?? [];
    }

    /// <param name="pictures">One at least, of the list.</param>
    /// <param name="network">How it sees them.</param>
    /// <param name="images">With the digest of each.</param>
    /// <param name="folder">In which they are.</param>
    /// <param name="together">Who shares the work, and what ends it; what is computed until then is kept.</param>
    /// <returns>Shape (number of images, features), float32, on the CPU, in their order; null on a rank that only helped. The caller owns it.</returns>
    /// <exception cref="OperationCanceledException">The user has ended it.</exception>
    /// <exception cref="UserException">An image cannot be read any more, or its features are not finite; or the file cannot be written.</exception>
    public Tensor? Load(IReadOnlyList<Picture> pictures, NetworkInfo network, ImageList images, string folder, Together together)
    {
        if (_network is null && output is not null)
            Read(network);
        using var scope = NewDisposeScope();
        string[] keys = [.. pictures.Select(picture => FeatureFile.Key(images.Digest(picture.NameIn(folder))))];
        var rows = (_known?.Digests ?? []).Index().ToDictionary(image => image.Item, image => image.Index);
        var parts = new List<Tensor>();
        if (_known is not null)
            parts.Add(_known.Features);

        var numbers = together.FromFirst(keys.Index().Where(image => !rows.ContainsKey(image.Item)).DistinctBy(image => image.Item).Select(image => image.Index).ToArray());
        (string Key, Picture Picture)[] missing = [.. numbers.Select(i => (keys[i], pictures[i]))];
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
            screen.WithBar(missing.Length, () =>
            {
                foreach (var part in missing.Chunk(AtOnce))
                {
                    var features = extractor.Extract([.. part.Select(image => image.Picture)], Step, together);
                    if (!features.isfinite().all().item<bool>())
                        throw new UserException($"expected features that are finite numbers, got others of one of the {part.Length} images from {part[0].Picture.Name} on: the weights do not fit these images");
                    parts.Add(features);
                    foreach (var (key, _) in part)
                        rows[key] = rows.Count;
                }
            });
            screen.Line($"features of {pictures.Count} images, {missing.Length} of them computed in {watch.Elapsed.TotalSeconds:0.0} s");

            void Step(int count)
            {
                count *= together.Ranks.Count; // all are about as fast
                done += count;
                screen.Step($"features  {done / watch.Elapsed.TotalSeconds:0} images/s", count);
            }
        }
    }

    public void Dispose() => _known?.Features.Dispose();
}
