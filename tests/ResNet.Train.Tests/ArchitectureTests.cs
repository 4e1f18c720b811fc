using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The networks, under torchvision's names.</summary>
public sealed class ArchitectureTests
{
    /// <summary>The list of names in messages.</summary>
    public const string Names = "resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, resnext101_32x8d, resnext101_64x4d, wide_resnet50_2, wide_resnet101_2";

    public static TheoryData<string> All => [.. Enum.GetNames<Architecture>()];

    [Theory]
    [MemberData(nameof(All))]
    public void Each_name_creates_the_network_of_that_name(string name)
    {
        var architecture = Enum.Parse<Architecture>(name);
        using var network = architecture.Create(3, Stem.Conv3, META); // on the meta device, because initializing weights takes seconds

        Assert.Equal(KeepLettersAndDigits(name), KeepLettersAndDigits(network.GetType().Name));
        Assert.Equal(KeepLettersAndDigits(name), KeepLettersAndDigits(architecture.GetTitle()));
        Assert.Equal((3, Stem.Conv3), (network.fc.out_features, network.Stem));
    }

    [Fact]
    public void No_network_of_the_library_is_left_out()
    {
        var networks = typeof(ResidualNetwork).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ResidualNetwork)));
        Assert.Equal(networks.Select(type => KeepLettersAndDigits(type.Name)).Order(), Enum.GetNames<Architecture>().Select(KeepLettersAndDigits).Order());
    }

    [Fact]
    public void An_undefined_value_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ((Architecture)(-1)).Create(3, Stem.Conv3, META));

    /// <summary>Drops the separators, which differ between torchvision's names, C# and titles.</summary>
    private static string KeepLettersAndDigits(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
