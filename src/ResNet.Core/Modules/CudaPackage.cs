using System.Reflection;

namespace ResNet.Core;

/// <summary>A package with libtorch for CUDA. Which one goes with which TorchSharp is in src/TorchBackend.props.</summary>
/// <param name="TorchSharp">The version of TorchSharp that it goes with.</param>
/// <param name="Cuda">The version of CUDA, which the driver has to support.</param>
/// <param name="Libtorch">The package's version.</param>
internal sealed record CudaPackage(string TorchSharp, string Cuda, string Libtorch)
{
    private const string Key = nameof(CudaPackage);

    /// <summary>The newest first.</summary>
    public static IReadOnlyList<CudaPackage> All { get; } =
    [
        .. typeof(CudaPackage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Where(data => data.Key == Key)
            .Select(data => data.Value!.Split(' ') is [var torchSharp, var cuda, var libtorch] ? new CudaPackage(torchSharp, cuda, libtorch) : throw new InvalidOperationException(data.Value)),
    ];

    /// <summary>What to reference for a GPU.</summary>
    /// <param name="libtorch">The version of libtorch that the running TorchSharp is for: an application may have another TorchSharp than this library was built with.</param>
    public static string Advice(string libtorch)
    {
        if (All.FirstOrDefault(package => package.Libtorch == libtorch) is not { } package)
            return $"reference the package with CUDA that goes with your version of TorchSharp, which is for libtorch {libtorch}, in place of TorchSharp-cpu.";
        return $"reference libtorch-cuda-{package.Cuda}-win-x64 or -linux-x64 {package.Libtorch} in place of TorchSharp-cpu." +
            (package == All[^1] ? "" : $" For a driver older than CUDA {package.Cuda}, the README has the packages.");
    }
}
