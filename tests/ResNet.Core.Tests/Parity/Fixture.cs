using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>Numbers from real PyTorch, written by make_fixtures.py and make_family_fixtures.py.</summary>
internal static class Fixture
{
    private static readonly JsonSerializerOptions options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>
    /// Whether PyTorch draws the same weights here as where the fixtures were made. It scales a random number with the
    /// processor's fused multiply-add where there is one; without it, or on another architecture, a weight's last bit may differ.
    /// </summary>
    public static bool SameRounding => Fma.IsSupported && Avx2.IsSupported;

    /// <summary>Reads a file from where the scripts write it, so that a new one needs no build.</summary>
    public static T Read<T>(string name)
    {
        using var file = File.OpenRead(Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", "Parity", "Fixtures", name + ".json"));
        return JsonSerializer.Deserialize<T>(file, options)!;
    }

    public static ScalarType Dtype(string name) => name switch
    {
        "float32" => ScalarType.Float32,
        "float64" => ScalarType.Float64,
        "int64" => ScalarType.Int64,
        _ => throw new ArgumentException($"Expected float32, float64 or int64, got {name}.", nameof(name)),
    };

    public static string ComputeSha256(Tensor tensor)
    {
        using var contiguous = tensor.detach().contiguous();
        return Convert.ToHexStringLower(SHA256.HashData(contiguous.bytes));
    }

    public static double[] ReadValues(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float64).flatten().data<double>().ToArray();
    }

    /// <summary>Creates the network of a case. Its weights are drawn in float32 for every type, so that a seed always means the same network.</summary>
    public static ResNet18 CreateModel(long seed, long num_classes, string stem, string dtype)
    {
        manual_seed(seed);
        var model = new ResNet18(num_classes, Enum.Parse<Stem>(stem));
        model.to(Dtype(dtype));
        return model;
    }

    public static Tensor CreateInput(long seed, long[] shape, string dtype)
    {
        manual_seed(seed);
        return rand(shape).to(Dtype(dtype));
    }
}
