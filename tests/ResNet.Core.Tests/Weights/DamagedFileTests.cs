using System.IO.Compression;
using TorchSharp;
using Xunit.Abstractions;

namespace ResNet.Core.Tests.Weights;

/// <summary>Files that were truncated or altered in transit.</summary>
public sealed class DamagedFileTests(ITestOutputHelper log) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("protocol2.pth")]
    [InlineData("protocol4.pth")]
    [InlineData("block.safetensors")]
    [InlineData("legacy_protocol2.pth")]
    [InlineData("legacy_protocol4.pth")]
    [InlineData("legacy_python2.pth")]
    public void A_file_truncated_at_any_byte_is_refused(string fixture)
    {
        var file = File.ReadAllBytes(WeightsFixture.Find(fixture));
        using var module = new BasicBlock(3, 4, stride: 2);
        using var unchanged = new Unchanged(module);
        for (var length = 0; length < file.Length; length++)
        {
            var path = _folder.Write("cut", file[..length]);
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(module, path, strict: false));
            Assert.StartsWith(path, problem.Message, StringComparison.Ordinal);
        }
        unchanged.Assert();
    }

    /// <summary>
    /// Flips one bit at each of ten thousand random places. Either the load is refused and the module unchanged, or the weights
    /// load: the bit was unused, such as padding, or part of a tensor in safetensors, which has no checksum. The format from
    /// before PyTorch 1.6 has none for the pickle either, so the bit may also change a stride.
    /// </summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("protocol2.pth")]
    [InlineData("protocol4.pth")]
    [InlineData("views.pth")]
    [InlineData("block.safetensors")]
    [InlineData("legacy_protocol2.pth")]
    [InlineData("legacy_python2.pth")]
    public void A_flipped_bit_is_refused_or_harmless(string fixture)
    {
        var file = File.ReadAllBytes(WeightsFixture.Find(fixture));
        var dataStart = fixture.EndsWith(".safetensors", StringComparison.Ordinal) ? 8 + BitConverter.ToInt32(file) : fixture.StartsWith("legacy_", StringComparison.Ordinal) ? 0 : file.Length;
        using var module = fixture == "views.pth" ? LoadTests.CreateViews() : (torch.nn.Module)new BasicBlock(3, 4, stride: 2);
        using var before = new Unchanged(module);
        Checkpoint.Load(module, WeightsFixture.Find(fixture));
        using var loaded = new Unchanged(module);

        var random = new Random(1);
        var (refused, restored) = (0, false);
        for (var i = 0; i < 10_000; i++)
        {
            var at = random.Next(file.Length);
            var bit = (byte)(1 << random.Next(8));
            file[at] ^= bit;
            var path = _folder.Write("flipped", file);
            file[at] ^= bit;

            if (!restored)
                before.Restore();
            try
            {
                Checkpoint.Load(module, path);
                Assert.True(at >= dataStart || loaded.Holds, $"bit {bit} of byte {at} was flipped: other weights loaded without an exception");
                restored = false;
            }
            catch (InvalidDataException problem)
            {
                Assert.StartsWith(path, problem.Message, StringComparison.Ordinal);
                before.Assert();
                (refused, restored) = (refused + 1, true);
            }
        }
        Assert.InRange(refused, 1000, 9999);
        log.WriteLine($"{fixture}: {refused} of 10,000 flipped bits were refused");
    }

    /// <summary>A run of random bytes reaches other parts of the readers than a single bit.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("types.pth")]
    [InlineData("types.safetensors")]
    [InlineData("legacy_types.pth")]
    public void Random_bytes_are_refused_or_harmless(string fixture)
    {
        var file = File.ReadAllBytes(WeightsFixture.Find(fixture));
        using var module = LoadTests.CreateBagOfEveryType();
        using var before = new Unchanged(module);
        var random = new Random(2);
        for (var i = 0; i < 2000; i++)
        {
            var damaged = (byte[])file.Clone();
            var start = random.Next(file.Length);
            random.NextBytes(damaged.AsSpan(start..Math.Min(start + random.Next(1, 20), file.Length)));
            var path = _folder.Write("damaged", damaged);
            try
            {
                Checkpoint.Load(module, path);
                before.Restore();
            }
            catch (InvalidDataException)
            {
                before.Assert();
            }
        }
    }

    /// <summary>A damaged pickle with a correct checksum, as an attacker would write it. Only the interpreter can refuse it.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("protocol2.pth")]
    [InlineData("protocol4.pth")]
    [InlineData("views.pth")]
    [InlineData("wrapped_model.pth")]
    public void A_forged_pickle_is_refused_or_harmless(string fixture)
    {
        (string Name, byte[] Content)[] entries;
        using (var archive = ZipFile.OpenRead(WeightsFixture.Find(fixture)))
            entries = [.. archive.Entries.Select(entry => (entry.FullName, Zip.Read(WeightsFixture.Find(fixture), entry.FullName)))];
        var index = Array.FindIndex(entries, entry => entry.Name.EndsWith("/data.pkl", StringComparison.Ordinal));
        var pickle = entries[index].Content;

        using var module = new BasicBlock(3, 4, stride: 2);
        using var before = new Unchanged(module);
        var random = new Random(3);
        for (var i = 0; i < 3000; i++)
        {
            entries[index].Content = (byte[])pickle.Clone();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                entries[index].Content[random.Next(pickle.Length)] = (byte)random.Next(256);
            try
            {
                Checkpoint.Load(module, _folder.Write("forged", Zip.Create(entries)), strict: false);
                before.Restore();
            }
            catch (InvalidDataException)
            {
                before.Assert();
            }
        }
    }
}
