using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Finds the images of a folder that are most like one, by the cosine of the angle between their features.</summary>
internal static class SimilarJob
{
    /// <param name="image">What to look for.</param>
    /// <param name="folder">Where to look for it.</param>
    /// <param name="count">How many to name.</param>
    /// <param name="network">Which makes the features.</param>
    public static int Run(string image, string folder, int count, FeatureNetwork network)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"--in: expected a folder, got '{folder}', which is none");
        using var interruption = new Interruption();
        var screen = new Screen();
        try
        {
            using var extractor = network.Load(screen, interruption.Token);
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var wanted = extractor.Extract([new FilePicture(image, label: 0)], step: _ => { }, interruption.Token);
            var images = NamedImages.Find([folder], interruption.Token);
            var found = new List<(float Similarity, string Name)>();
            screen.WithBar(images.MostCount, () =>
            {
                foreach (var part in extractor.Stream(images.Images(), interruption.Token))
                {
                    using (part)
                    {
                        foreach (var problem in part.Broken)
                            images.Tell(problem);
                        if (part.Pictures.Count > 0)
                            found.AddRange(Cosines(part.Outputs, wanted).Zip(part.Pictures.Select(picture => picture.Name)));
                        screen.Step("comparing", part.Pictures.Count + part.Broken.Count);
                    }
                }
            });

            // The image itself is no news.
            var real = new RealPaths();
            var itself = real.Of(image);
            foreach (var (similarity, name) in found.OrderByDescending(other => other.Similarity).Where(other => real.Of(other.Name) != itself).Take(count))
                screen.Line($"{similarity:0.000}  {name}");
            return images.Code;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
    }

    private static float[] Cosines(Tensor features, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        return nn.functional.cosine_similarity(features, wanted, dim: 1).data<float>().ToArray();
    }
}
