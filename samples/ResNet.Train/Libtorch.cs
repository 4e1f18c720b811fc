using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The libtorch that the program was built with, and what is to be done where it does not work.</summary>
internal static class Libtorch
{
    /// <summary>What TorchBackend was in the build, such as cpu or cuda-12.8.</summary>
    private static readonly string backend = FromBuild("TorchBackend");

    /// <summary>What else it could have been. Those with CUDA are ordered by the driver that they need, the newest first.</summary>
    private static readonly string[] backends = FromBuild("TorchBackends").Split(", "), cudaBackends = [.. backends.Where(name => Cuda(name) is not null)];

    /// <summary>Before TorchSharp's first use, since where that cannot load libtorch it writes pages to the console.</summary>
    /// <exception cref="UserException">It cannot be loaded.</exception>
    public static void Load()
    {
        if (WhyNot("LibTorchSharp") is { } reason)
            throw new UserException($"libtorch does not load: {reason}; build the program again, with -p:TorchBackend={Or(backends)}, and keep all of its folder together");
    }

    /// <summary>What computes, such as <c>cuda:0, libtorch 2.10.0 with CUDA 12.8</c>.</summary>
    public static string On(Device device) => On(device, backend, cuda.device_count());

    /// <inheritdoc cref="On(Device)"/>
    public static string On(Device device, string backend, int gpus)
    {
        var libtorch = $"{device}, libtorch {Version.Parse(__version__).ToString(3)}";
        return Cuda(backend) is not { } version ? $"{libtorch} without CUDA"
            : gpus > 0 ? $"{libtorch} with CUDA {version}"
            : $"{libtorch} with CUDA {version}, which finds no GPU";
    }

    /// <summary>Why the GPU with that name cannot be used, and what helps.</summary>
    public static UserException NoGpu(string name, int gpus) => NoGpu(name, gpus, backend, WhyNot("torch_cuda"));

    /// <inheritdoc cref="NoGpu(string, int)"/>
    public static UserException NoGpu(string name, int gpus, string backend, string? notLoaded) => new($"--device: expected a GPU that is there, got '{name}', and " +
        (gpus > 0 ? $"libtorch finds {gpus}, the first of which is cuda:0"
        : Cuda(backend) is not { } version ? $"this program was built without CUDA; build it with -p:TorchBackend={cudaBackends[0]}{string.Concat(cudaBackends.Skip(1).Select(older => $", or {older} for an older driver"))}"
        : notLoaded is not null ? $"libtorch's CUDA library does not load: {notLoaded}; build the program again with -p:TorchBackend={backend} and keep all of its folder together"
        : $"libtorch finds none; nvidia-smi has to name the GPU and, in its first lines, CUDA Version {version} or higher: otherwise install a newer driver{string.Concat(Older(backend).Select(older => $", or build with -p:TorchBackend={older}"))}"));

    private static string FromBuild(string key) => typeof(Libtorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    private static IEnumerable<string> Older(string backend) => cudaBackends.SkipWhile(name => name != backend).Skip(1);

    private static string Or(string[] names) => $"{string.Join(", ", names[..^1])} or {names[^1]}";

    private static string? Cuda(string backend) => backend.StartsWith("cuda-", StringComparison.Ordinal) ? backend["cuda-".Length..] : null;

    /// <returns>Null where it loads.</returns>
    private static string? WhyNot(string library)
    {
        try
        {
            NativeLibrary.Load(library, typeof(torch).Assembly, null);
            return null;
        }
        catch (DllNotFoundException e)
        {
            // On Linux a line for each name that was tried: where one is there, it says what that lacks.
            var lines = e.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return lines.Skip(1).FirstOrDefault(line => !(line.Split(": ")[0].Contains(library, StringComparison.Ordinal) && line.Contains("No such file", StringComparison.Ordinal)))
                ?? lines[0].Split(". ")[0];
        }
    }
}
