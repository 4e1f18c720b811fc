using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>A new model has PyTorch's weights for the same seed, bit for bit.</summary>
public class WeightsTests
{
    private static readonly Cases fixture = Fixture.Read<Cases>("weights");

    private sealed record Entry(string Name, long[] Shape, string Dtype, string Sha256);

    private sealed record Network(long Seed, long NumClasses, string Stem, Entry[] StateDict);

    private sealed record Block(long Seed, long InChannels, long OutChannels, long Stride, Entry[] StateDict);

    private sealed record Cases(Network[] Networks, Block[] Blocks);

    public static TheoryData<int> Networks => [.. Enumerable.Range(0, fixture.Networks.Length)];

    public static TheoryData<int> Blocks => [.. Enumerable.Range(0, fixture.Blocks.Length)];

    [Theory]
    [MemberData(nameof(Networks))]
    public void A_new_network_has_PyTorchs_names_shapes_types_and_weights(int index)
    {
        var expected = fixture.Networks[index];
        using var model = Fixture.CreateModel(expected.Seed, expected.NumClasses, expected.Stem, "float32");
        AssertState(expected.StateDict, model);
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void A_new_block_has_PyTorchs_names_shapes_types_and_weights(int index)
    {
        var expected = fixture.Blocks[index];
        manual_seed(expected.Seed);
        using var block = new BasicBlock(expected.InChannels, expected.OutChannels, expected.Stride);
        AssertState(expected.StateDict, block);
    }

    private static void AssertState(Entry[] expected, nn.Module module)
    {
        // Compared by name: TorchSharp lists parameters first and buffers after, PyTorch goes module by module.
        var actual = module.state_dict();
        Assert.Equal(expected.Select(entry => entry.Name).Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var entry in expected)
        {
            var tensor = actual[entry.Name];
            Assert.Equal(entry.Shape, tensor.shape);
            Assert.Equal(Fixture.Dtype(entry.Dtype), tensor.dtype);
            if (Fixture.SameRounding)
                Assert.Equal((entry.Name, entry.Sha256), (entry.Name, Fixture.ComputeSha256(tensor)));
        }
    }
}
