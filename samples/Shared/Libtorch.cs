using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Samples;

/// <summary>The libtorch that the program was built with, and advice where it does not work.</summary>
public static class Libtorch
{
    /// <summary>The build's TorchBackend, such as cpu or cuda-12.8.</summary>
    private static readonly string backend = ReadFromBuild("TorchBackend");

    /// <summary>All backends. Those with CUDA are ordered by the driver that they need, newest first.</summary>
    private static readonly string[] backends = ReadFromBuild("TorchBackends").Split(", "), cudaBackends = [.. backends.Where(name => GetCuda(name) is not null)];

    /// <summary>Loads libtorch. Call it before the first use of TorchSharp, which prints pages to the console if loading fails.</summary>
    /// <exception cref="UserException">libtorch does not load.</exception>
    public static void Load()
    {
        if (FindLoadError("LibTorchSharp") is { } reason)
            throw new UserException($"libtorch does not load: {reason}; rebuild the program with -p:TorchBackend={Join(backends)} and keep its output folder complete");
    }

    /// <returns>The device and libtorch, such as <c>cuda:0, libtorch 2.10.0 with CUDA 12.8</c>.</returns>
    public static string Describe(Device device) => Describe(device, backend, cuda.device_count());

    /// <inheritdoc cref="Describe(Device)"/>
    public static string Describe(Device device, string backend, int gpus)
    {
        var libtorch = $"{device}, libtorch {Version.Parse(__version__).ToString(3)}";
        return GetCuda(backend) is not { } version ? $"{libtorch} without CUDA"
            : gpus > 0 ? $"{libtorch} with CUDA {version}"
            : $"{libtorch} with CUDA {version}, which finds no GPU";
    }

    /// <summary>Explains why a GPU cannot be used, and how to fix it.</summary>
    public static UserException CreateNoGpu(string name, int gpus) => CreateNoGpu(name, gpus, backend, FindLoadError("torch_cuda"));

    /// <inheritdoc cref="CreateNoGpu(string, int)"/>
    public static UserException CreateNoGpu(string name, int gpus, string backend, string? notLoaded) => new($"--device: expected an available GPU, got '{name}', and " +
        (gpus > 0 ? $"libtorch finds {gpus}, the first of which is cuda:0"
        : GetCuda(backend) is not { } version ? $"this program was built without CUDA; build it with -p:TorchBackend={cudaBackends[0]}{string.Concat(cudaBackends.Skip(1).Select(older => $", or {older} for an older driver"))}"
        : notLoaded is not null ? $"libtorch's CUDA library does not load: {notLoaded}; rebuild the program with -p:TorchBackend={backend} and keep its output folder complete"
        : $"libtorch finds none; nvidia-smi must list the GPU and, in its first lines, CUDA Version {version} or higher: otherwise install a newer driver{string.Concat(ListOlder(backend).Select(older => $", or build with -p:TorchBackend={older}"))}"));

    private static string ReadFromBuild(string key) => typeof(Libtorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    private static IEnumerable<string> ListOlder(string backend) => cudaBackends.SkipWhile(name => name != backend).Skip(1);

    private static string Join(string[] names) => $"{string.Join(", ", names[..^1])} or {names[^1]}";

    private static string? GetCuda(string backend) => backend.StartsWith("cuda-", StringComparison.Ordinal) ? backend["cuda-".Length..] : null;

    /// <returns>The reason why it does not load; null if it loads.</returns>
    private static string? FindLoadError(string library)
    {
        try
        {
            NativeLibrary.Load(library, typeof(torch).Assembly, null);
            return null;
        }
        catch (DllNotFoundException e)
        {
            // Linux reports a line for each name tried. For a file that exists, the line names what it lacks.
            var lines = e.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return lines.Skip(1).FirstOrDefault(line => !(line.Split(": ")[0].Contains(library, StringComparison.Ordinal) && line.Contains("No such file", StringComparison.Ordinal)))
                ?? lines[0].Split(". ")[0];
        }
    }
}
