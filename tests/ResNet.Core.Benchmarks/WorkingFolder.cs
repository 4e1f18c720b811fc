namespace ResNet.Core.Benchmarks;

/// <summary>Where all processes run, for as long as the benchmarks take: a Python may see no other folder than its current one.</summary>
internal sealed class WorkingFolder : IDisposable
{
    public WorkingFolder() => File.Copy(System.IO.Path.Combine(AppContext.BaseDirectory, PythonSide.Script), System.IO.Path.Combine(Path, PythonSide.Script));

    public string Path { get; } = Directory.CreateTempSubdirectory("resnet-benchmark-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
