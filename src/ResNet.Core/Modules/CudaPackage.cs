using System.Reflection;

namespace ResNet.Core;

/// <summary>A package with libtorch for CUDA. src/TorchBackend.props pairs it with a version of TorchSharp.</summary>
/// <param name="TorchSharp">The version of TorchSharp that needs the package.</param>
/// <param name="Cuda">The version of CUDA, which the driver must support.</param>
/// <param name="Libtorch">The version of the package.</param>
internal sealed record CudaPackage(string TorchSharp, string Cuda, string Libtorch)
{
    private const string Key = nameof(CudaPackage);

    /// <summary>All packages, the newest first.</summary>
    public static IReadOnlyList<CudaPackage> All { get; } =
    [
        .. typeof(CudaPackage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Where(data => data.Key == Key)
            .Select(data => data.Value!.Split(' ') is [var torchSharp, var cuda, var libtorch] ? new CudaPackage(torchSharp, cuda, libtorch) : throw new InvalidOperationException(data.Value)),
    ];

    /// <summary>Says which package to reference for a GPU.</summary>
    /// <param name="libtorch">The version of libtorch that the running TorchSharp needs. The application may use another TorchSharp than this library was built with.</param>
    public static string Advise(string libtorch)
    {
        if (All.FirstOrDefault(package => package.Libtorch == libtorch) is not { } package)
            return $"replace TorchSharp-cpu with the CUDA package for your version of TorchSharp, which needs libtorch {libtorch}.";
        return $"replace TorchSharp-cpu with libtorch-cuda-{package.Cuda}-win-x64 or -linux-x64 {package.Libtorch}." +
            (package == All[^1] ? "" : $" For a driver older than CUDA {package.Cuda}, see the packages in the README.");
    }
}
