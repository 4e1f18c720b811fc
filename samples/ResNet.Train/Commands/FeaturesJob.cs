using System.Diagnostics;
using System.Text;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Writes a network's features of images, for search, clustering and other classifiers.</summary>
internal static class FeaturesJob
{
    public const string Extension = ".safetensors";

    /// <param name="paths">Images, and folders of images.</param>
    /// <param name="network">The network that computes the features.</param>
    /// <param name="file">
    /// The file to write, with two tensors: <c>features</c>, shape (N, D), float32, and <c>files</c>, the names in UTF-8 in the order of the rows, separated
    /// by zero bytes, which no name contains. One file keeps both together.
    /// </param>
    public static int Run(IReadOnlyList<string> paths, FeatureNetwork network, string file)
    {
        if (!file.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
            throw new UserException($"--out: expected a file whose name ends with {Extension}, got '{file}'");
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        if (!Directory.Exists(folder))
            throw new UserException($"--out: expected a file in an existing folder, got '{file}'");
        using var interruption = new Interruption();
        var screen = new Screen();
        var output = new OutputFolder(folder);
        try
        {
            using var extractor = network.Load(screen, interruption.Token);
            var images = NamedImages.Find(paths, interruption.Token);
            var watch = Stopwatch.StartNew();
            using var scope = NewDisposeScope();
            var (names, parts) = (new List<string>(), new List<Tensor>());
            screen.RunWithBar(images.MostCount, () =>
            {
                foreach (var part in extractor.Stream(images.Enumerate(), interruption.Token))
                {
                    foreach (var problem in part.Broken)
                        images.Report(problem);
                    names.AddRange(part.Images.Select(image => image.Name));
                    if (part.Images.Count > 0)
                        parts.Add(part.Outputs);
                    screen.Advance("computing features", part.Images.Count + part.Broken.Count);
                }
            });
            if (names.Count == 0)
                throw new UserException("features: expected readable images, got none");
            var time = watch.Elapsed;

            using var contents = new Contents(cat(parts), names);
            output.Write(Path.GetFileName(file), contents);
            screen.WriteLine($"{file}  features ({names.Count}, {contents.Features.shape[1]}), {names.Count / time.TotalSeconds:0.0} images/s");
            return images.Code;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    /// <summary>The file's content as a module, so that <see cref="Checkpoint"/> saves it.</summary>
    private sealed class Contents : nn.Module
    {
        public Contents(Tensor features, IReadOnlyList<string> names)
            : base(nameof(FeaturesJob))
        {
            register_buffer("features", Features = features);
            register_buffer("files", tensor(Encoding.UTF8.GetBytes(string.Join('\0', names))));
        }

        public Tensor Features { get; }
    }
}
