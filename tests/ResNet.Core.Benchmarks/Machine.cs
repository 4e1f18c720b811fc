using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using TorchSharp.PyBridge;

namespace ResNet.Core.Benchmarks;

/// <summary>The hardware and software that the measurements ran on.</summary>
internal static class Machine
{
    public static string[] Versions { get; } =
    [
        $".NET {Environment.Version}", $"TorchSharp {GetVersion(typeof(torch))} with libtorch {System.Version.Parse(torch.__version__).ToString(3)}", $"ONNX Runtime {GetVersion(typeof(InferenceSession))}",
        $"TorchVision .NET {GetVersion(typeof(torchvision))}", $"TorchSharp.PyBridge {GetVersion(typeof(PyBridgeModuleExtensions))}",
    ];

    public static string Describe()
    {
        var processor = X86Base.IsSupported ? $"{ReadName()} with {string.Join(", ", ListExtensions())}" : $"{RuntimeInformation.ProcessArchitecture}";
        return $"{Environment.ProcessorCount} cores of {processor}, {RuntimeInformation.OSDescription}";
    }

    private static string GetVersion(Type type) => type.Assembly.GetName().Version!.ToString(3);

    /// <summary>Reads the processor's name, which CPUID returns in three leaves of 16 characters.</summary>
    private static string ReadName()
    {
        var registers = new List<int>();
        for (var leaf = 0x80000002; leaf <= 0x80000004; leaf++)
        {
            var (a, b, c, d) = X86Base.CpuId(unchecked((int)leaf), 0);
            registers.AddRange([a, b, c, d]);
        }
        return Encoding.ASCII.GetString([.. registers.SelectMany(BitConverter.GetBytes)]).Trim('\0', ' ');
    }

    /// <summary>Lists the instruction sets that matter for matrix products.</summary>
    private static IEnumerable<string> ListExtensions()
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
