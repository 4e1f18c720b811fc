using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using TorchSharp.PyBridge;

namespace ResNet.Core.Benchmarks;

/// <summary>What the measurements were made on and with.</summary>
internal static class Machine
{
    public static string[] Versions { get; } =
    [
        $".NET {Environment.Version}", $"TorchSharp {Version(typeof(torch))} with libtorch {System.Version.Parse(torch.__version__).ToString(3)}", $"ONNX Runtime {Version(typeof(InferenceSession))}",
        $"TorchVision .NET {Version(typeof(torchvision))}", $"TorchSharp.PyBridge {Version(typeof(PyBridgeModuleExtensions))}",
    ];

    public static string Description()
    {
        var processor = X86Base.IsSupported ? $"{Brand()} with {string.Join(", ", Extensions())}" : $"{RuntimeInformation.ProcessArchitecture}";
        return $"{Environment.ProcessorCount} cores of {processor}, {RuntimeInformation.OSDescription}";
    }

    private static string Version(Type type) => type.Assembly.GetName().Version!.ToString(3);

    /// <summary>Three leaves of 16 characters.</summary>
    private static string Brand()
    {
        var registers = new List<int>();
        for (var leaf = 0x80000002; leaf <= 0x80000004; leaf++)
        {
            var (a, b, c, d) = X86Base.CpuId(unchecked((int)leaf), 0);
            registers.AddRange([a, b, c, d]);
        }
        return Encoding.ASCII.GetString([.. registers.SelectMany(BitConverter.GetBytes)]).Trim('\0', ' ');
    }

    /// <summary>Those that matter to matrix products.</summary>
    private static IEnumerable<string> Extensions()
    {
        var (_, ebx, ecx, edx) = X86Base.CpuId(7, 0);
        var (eax, _, _, _) = X86Base.CpuId(7, 1);
        (string Name, int Register, int Bit)[] known =
        [
            ("AVX2", ebx, 5), ("AVX-512", ebx, 16), ("AVX-512 VNNI", ecx, 11), ("AVX-512 BF16", eax, 5), ("AMX BF16", edx, 22), ("AMX INT8", edx, 25),
        ];
        return known.Where(extension => (extension.Register >> extension.Bit & 1) != 0).Select(extension => extension.Name);
    }
}
