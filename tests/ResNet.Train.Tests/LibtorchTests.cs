using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class LibtorchTests : IDisposable
{
    private readonly TempFolder _copy = new(), _data = new();

    public void Dispose()
    {
        _copy.Dispose();
        _data.Dispose();
    }

    [Theory]
    [InlineData("cpu", 0, "libtorch 2.10.0 without CUDA")]
    [InlineData("cuda-12.8", 1, "libtorch 2.10.0 with CUDA 12.8")]
    [InlineData("cuda-12.8", 0, "libtorch 2.10.0 with CUDA 12.8, which finds no GPU")]
    public void Describe_names_the_device_and_libtorch(string backend, int gpus, string expected)
    {
        // TorchSharp 0.105.1 has libtorch 2.5.1
        expected = expected.Replace("2.10.0", __version__[..__version__.LastIndexOf('.')], StringComparison.Ordinal);
        Assert.Equal($"cpu, {expected}", Libtorch.Describe(CPU, backend, gpus));
    }

    [Theory]
    [InlineData(2, "cuda-12.8", null, "libtorch finds 2, the first of which is cuda:0")]
    [InlineData(0, "cpu", "it is not there", "built without CUDA; build it with -p:TorchBackend=cuda-12.8, or cuda-12.1")]
    [InlineData(0, "cuda-12.8", "libcudnn.so.9 is missing", "does not load: libcudnn.so.9 is missing; rebuild the program with -p:TorchBackend=cuda-12.8")]
    [InlineData(0, "cuda-12.8", null, "nvidia-smi must list the GPU and, in its first lines, CUDA Version 12.8 or higher: otherwise install a newer driver, or build with -p:TorchBackend=cuda-12.1")]
    [InlineData(0, "cuda-12.1", null, "CUDA Version 12.1 or higher: otherwise install a newer driver$")]
    public void A_missing_GPU_is_explained_with_a_remedy(int gpus, string backend, string? notLoaded, string expected)
    {
        var message = Libtorch.CreateNoGpu("cuda:3", gpus, backend, notLoaded).Message;
        Assert.StartsWith("--device: expected an available GPU, got 'cuda:3', and ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message + "$", StringComparison.Ordinal); // $ is the end: the message suggests no older version
    }

    /// <summary>As after copying only a part of the program's folder, or without a system library. TorchSharp itself prints pages.</summary>
    [Theory]
    [InlineData("LibTorchSharp", "LibTorchSharp")]
    [InlineData("c10", "c10")]
    public void A_libtorch_that_does_not_load_is_reported_in_one_line(string missing, string named)
    {
        Idx.WriteSet(_data);
        foreach (var file in new DirectoryInfo(AppContext.BaseDirectory).GetFiles().Where(file => file.Length < 50_000_000 && !file.Name.Contains(missing, StringComparison.Ordinal)))
            file.CopyTo(_copy[file.Name]);

        var (code, output, error) = RunAt(_copy["ResNet.Train.dll"], "--data", _data.Path, "--out", _copy["out"]);

        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("libtorch does not load: ", error, StringComparison.Ordinal);
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Contains("-p:TorchBackend=cpu", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
