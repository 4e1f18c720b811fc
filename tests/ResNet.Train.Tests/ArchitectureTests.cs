using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Each of torchvision's names makes the network of that name.</summary>
public sealed class ArchitectureTests
{
    /// <summary>As messages list them.</summary>
    public const string Names = "resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, resnext101_32x8d, resnext101_64x4d, wide_resnet50_2, wide_resnet101_2";

    public static TheoryData<string> All => [.. Enum.GetNames<Architecture>()];

    [Theory]
    [MemberData(nameof(All))]
    public void A_name_makes_the_network_of_that_name(string name)
    {
        var architecture = Enum.Parse<Architecture>(name);
        using var network = architecture.Create(3, Stem.Conv3, META); // without weights, which take seconds

        Assert.Equal(Letters(name), Letters(network.GetType().Name));
        Assert.Equal(Letters(name), Letters(architecture.GetTitle()));
        Assert.Equal((3, Stem.Conv3), (network.fc.out_features, network.Stem));
    }

    [Fact]
    public void No_network_of_the_library_is_left_out()
    {
        var networks = typeof(ResidualNetwork).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ResidualNetwork)));
        Assert.Equal(networks.Select(type => Letters(type.Name)).Order(), Enum.GetNames<Architecture>().Select(Letters).Order());
    }

    [Fact]
    public void What_has_no_name_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ((Architecture)10).Create(3, Stem.Conv3, META));

    /// <summary>Without what torchvision, C# and people put between them.</summary>
    private static string Letters(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
