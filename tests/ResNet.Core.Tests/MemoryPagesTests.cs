using System.Globalization;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>Each case in a process of its own: what <see cref="MemoryPages.Keep"/> says to the allocator holds for the rest of the process.</summary>
public class MemoryPagesTests
{
    private const string Kept = "kept", Default = "default", Refused = "refused";
    private const long Size = 400_000_000;
    private const string Preload = "LD_PRELOAD";

    [LinuxFact]
    public void What_a_tensor_leaves_stays_in_the_process() => Assert.InRange(Grown(Kept), 0.9 * Size, 1.1 * Size);

    /// <summary>Or the test above would show nothing.</summary>
    [LinuxFact]
    public void By_default_it_goes_back_to_the_system() => Assert.InRange(Grown(Default), -0.1 * Size, 0.1 * Size);

    [CompilerFact]
    public void An_allocator_in_place_of_the_C_librarys_is_left_alone()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["other.c"], "#include <stddef.h>\nextern void *__libc_malloc(size_t); void *malloc(size_t size) { return __libc_malloc(size); }");
        Tool.Run(folder.Path, CompilerFactAttribute.Compiler, "-shared", "-fPIC", "-o", "other.so", "other.c").Succeeded();
        Assert.Equal(Refused, Run(Kept, folder["other.so"]));
    }

    private static double Grown(string pages) => double.Parse(Run(pages), CultureInfo.InvariantCulture);

    private static string Run(string pages, string preload = "") => ChildProcess.Run("free", pages, (Preload, preload));

    /// <summary>In the child.</summary>
    /// <returns>By how many bytes the process has grown after a tensor of <see cref="Size"/> bytes has come and gone.</returns>
    internal static string Free(string pages)
    {
        if (pages == Kept && !MemoryPages.Keep())
            return Refused;
        ones(1000).Dispose(); // what the first use of libtorch takes
        var before = Environment.WorkingSet;
        ones(Size / sizeof(float)).Dispose();
        return (Environment.WorkingSet - before).ToString(CultureInfo.InvariantCulture);
    }
}
