using System.Globalization;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>Each case runs in its own process, because <see cref="MemoryPages.Keep"/> changes the allocator for the rest of the process.</summary>
public class MemoryPagesTests
{
    private const string Kept = "kept", Default = "default", Refused = "refused";
    private const long Size = 400_000_000;
    private const string Preload = "LD_PRELOAD";

    [LinuxFact]
    public void Keep_leaves_freed_memory_in_the_process() => Assert.InRange(MeasureGrowth(Kept), 0.9 * Size, 1.1 * Size);

    /// <summary>Otherwise the test above would prove nothing.</summary>
    [LinuxFact]
    public void By_default_freed_memory_returns_to_the_system() => Assert.InRange(MeasureGrowth(Default), -0.1 * Size, 0.1 * Size);

    [CompilerFact]
    public void Keep_does_not_touch_an_allocator_that_replaces_the_C_librarys()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["other.c"], "#include <stddef.h>\nextern void *__libc_malloc(size_t); void *malloc(size_t size) { return __libc_malloc(size); }");
        Tool.Run(folder.Path, CompilerFactAttribute.Compiler, "-shared", "-fPIC", "-o", "other.so", "other.c").AssertSucceeded();
        Assert.Equal(Refused, Run(Kept, folder["other.so"]));
    }

    private static double MeasureGrowth(string pages) => double.Parse(Run(pages), CultureInfo.InvariantCulture);

    private static string Run(string pages, string preload = "") => ChildProcess.Run("free", pages, (Preload, preload));

    /// <summary>Runs in the child process.</summary>
    /// <returns>By how many bytes the process has grown after a tensor of <see cref="Size"/> bytes was created and disposed.</returns>
    internal static string CreateAndDispose(string pages)
    {
        if (pages == Kept && !MemoryPages.Keep())
            return Refused;
        ones(1000).Dispose(); // so that the first use of libtorch does not count
        var before = Environment.WorkingSet;
        ones(Size / sizeof(float)).Dispose();
        return (Environment.WorkingSet - before).ToString(CultureInfo.InvariantCulture);
    }
}
