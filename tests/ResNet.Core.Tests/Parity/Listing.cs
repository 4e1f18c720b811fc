using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Parity;

/// <summary>A module's tensors, as make_family_fixtures.py stores them.</summary>
/// <param name="Count">The number of tensors.</param>
/// <param name="ListingSha256">The SHA-256 of a text with a line for each tensor: its name, shape and type.</param>
/// <param name="Sha256">The first eight digits of the SHA-256 of each tensor's bytes.</param>
internal sealed record Listing(int Count, string ListingSha256, string[] Sha256)
{
    public void AssertSame(nn.Module module)
    {
        var tensors = module.state_dict();
        Assert.Equal(Count, tensors.Count);
        var lines = string.Concat(tensors.Select(entry => string.Create(
            CultureInfo.InvariantCulture, $"{entry.Key} [{string.Join(", ", entry.Value.shape)}] {entry.Value.dtype.ToString().ToLowerInvariant()}\n")));
        Assert.True(
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines))) == ListingSha256,
            $"Names, shapes or types differ from torchvision's:\n{lines}");
        if (Fixture.SameRounding)
            Assert.All(tensors.Zip(Sha256), pair => Assert.Equal((pair.First.Key, pair.Second), (pair.First.Key, Fixture.ComputeSha256(pair.First.Value)[..8])));
    }
}
