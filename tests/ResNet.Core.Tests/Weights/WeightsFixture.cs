namespace ResNet.Core.Tests.Weights;

/// <summary>The files that make_weights.py wrote with PyTorch.</summary>
internal static class WeightsFixture
{
    public static string Find(string name) => Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", "Weights", "Fixtures", name);
}
