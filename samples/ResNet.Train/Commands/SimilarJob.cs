using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Finds the images in a folder that are most similar to a given one, by the cosine of their features.</summary>
internal static class SimilarJob
{
    /// <param name="image">The image to compare with.</param>
    /// <param name="folder">The folder to search.</param>
    /// <param name="count">The number of images to print.</param>
    /// <param name="network">The network that computes the features.</param>
    public static int Run(string image, string folder, int count, FeatureNetwork network)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"--in: expected a folder, got '{folder}'");
        using var interruption = new Interruption();
        var screen = new Screen();
        try
        {
            using var extractor = network.Load(screen, interruption.Token);
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var wanted = extractor.Extract([new FileImage(image, label: 0)], step: _ => { }, interruption.Token);
            var images = NamedImages.Find([folder], interruption.Token);
            var found = new List<(float Similarity, string Name)>();
            screen.RunWithBar(images.MostCount, () =>
            {
                foreach (var part in extractor.Stream(images.Enumerate(), interruption.Token))
                {
                    using (part)
                    {
                        foreach (var problem in part.Broken)
                            images.Report(problem);
                        if (part.Images.Count > 0)
                            found.AddRange(ComputeCosines(part.Outputs, wanted).Zip(part.Images.Select(other => other.Name)));
                        screen.Advance("comparing", part.Images.Count + part.Broken.Count);
                    }
                }
            });

            // Leave out the image itself.
            var real = new RealPaths();
            var itself = real.Resolve(image);
            foreach (var (similarity, name) in found.OrderByDescending(other => other.Similarity).Where(other => real.Resolve(other.Name) != itself).Take(count))
                screen.WriteLine($"{similarity:0.000}  {name}");
            return images.Code;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private static float[] ComputeCosines(Tensor features, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        return nn.functional.cosine_similarity(features, wanted, dim: 1).data<float>().ToArray();
    }
}
