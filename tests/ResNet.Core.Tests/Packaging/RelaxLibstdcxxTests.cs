namespace ResNet.Core.Tests.Packaging;

/// <summary>The build task that makes TorchSharp's native library load beside an older libstdc++, compiled by MSBuild as in every consumer's build.</summary>
[Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
public class RelaxLibstdcxxTests(BuildTools tools)
{
    [Fact]
    public void Weakens_the_version_that_no_relocation_uses_and_nothing_else()
    {
        var library = TorchSharpNative.ReadFromPackage(tools);

        TorchSharpNative.AssertRelaxed(library, GetRelaxed(library));
    }

    [Fact]
    public void Keeps_a_version_that_a_relocation_uses()
    {
        var library = TorchSharpNative.ReadFromPackage(tools);
        var elf = new Elf(library);
        BitConverter.GetBytes(elf.FindSymbol("_ZSt21ios_base_library_initv")).CopyTo(library, elf.FindSymbolOfFirstRelocation());

        Assert.Equal(library, GetRelaxed(library));
    }

    [Fact]
    public void Keeps_the_versions_of_other_libraries()
    {
        var library = TorchSharpNative.ReadFromPackage(tools);
        library[library.AsSpan().IndexOf("libstdc++.so.6\0"u8)] = (byte)'x';

        Assert.Equal(library, GetRelaxed(library));
    }

    [Fact]
    public void Copies_a_library_that_requires_no_versions()
    {
        var library = TorchSharpNative.ReadFromPackage(tools);
        library[new Elf(library).FindSectionType(".gnu.version_r")] = 0x42;

        Assert.Equal(library, GetRelaxed(library));
    }

    [Theory]
    [InlineData(0, "it is not a 64-bit little-endian ELF file")]
    [InlineData(2_000_000, "its headers point outside the file, which is truncated or damaged")]
    public void Reports_a_truncated_library(int length, string reason) =>
        AssertRefused(TorchSharpNative.ReadFromPackage(tools)[..length], reason);

    [Fact]
    public void Reports_a_file_that_is_not_a_library() =>
        AssertRefused([.. Enumerable.Repeat((byte)'x', 1000)], "it is not a 64-bit little-endian ELF file");

    private void AssertRefused(byte[] library, string reason)
    {
        var (result, destination) = Relax(library);

        Assert.Equal(1, result.Code);
        Assert.Contains("error RESNET002: Could not relax the version of libstdc++ that ", result.Output, StringComparison.Ordinal);
        Assert.Contains($": {reason}. Set RelaxTorchSharpLibstdcxx to false to use the library unchanged.", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Output, StringComparison.Ordinal); // a stack trace
        Assert.False(File.Exists(destination));
    }

    private byte[] GetRelaxed(byte[] library)
    {
        var (result, destination) = Relax(library);
        result.AssertSucceeded();
        return File.ReadAllBytes(destination);
    }

    private (ChildResult Result, string Destination) Relax(byte[] library)
    {
        var folder = Directory.CreateDirectory(Path.Combine(tools.Root, Path.GetRandomFileName())).FullName;
        File.WriteAllBytes(Path.Combine(folder, "source.so"), library);
        File.WriteAllText(Path.Combine(folder, "relax.proj"), $"""
            <Project DefaultTargets="Relax">
              <Import Project="{Sources.BuildTransitive}/ResNet.Core.targets" />
              <Target Name="Relax">
                <RelaxLibstdcxx Source="source.so" Destination="new/destination.so" />
              </Target>
            </Project>
            """);
        return (Tool.Dotnet(folder, "msbuild", "relax.proj"), Path.Combine(folder, "new", "destination.so"));
    }
}
