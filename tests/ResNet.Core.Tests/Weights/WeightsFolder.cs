namespace ResNet.Core.Tests.Weights;

/// <summary>The files that PyTorch wrote for these tests, and a folder for those that the tests write.</summary>
public sealed class WeightsFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("resnet-weights-").FullName;

    public static string Fixture(string name) => System.IO.Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", "Weights", "Fixtures", name);

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
