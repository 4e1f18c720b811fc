using TorchSharp;

namespace ResNet.Core.Tests.Weights;

/// <summary>Asserts what holds for every file that cannot be loaded.</summary>
internal static class Hostile
{
    /// <summary>
    /// Asserts that loading throws, that the message names the file and the reason, that the module is unchanged, and that
    /// memory is bounded by the file's size.
    /// </summary>
    public static void AssertRefused(string path, params string[] message) => AssertRefused(path, 300, message);

    /// <param name="path">The file.</param>
    /// <param name="factor">The memory allowed per byte of the file, in bytes.</param>
    /// <param name="message">The parts of the expected message.</param>
    public static void AssertRefused(string path, int factor, params string[] message)
    {
        using var module = new BasicBlock(3, 4, stride: 2);
        using var unchanged = new Unchanged(module);
        var tensors = torch.Tensor.TotalCount;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(module, path, strict: false));
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

        unchanged.Assert();
        Assert.InRange(torch.Tensor.TotalCount, 0, tensors); // fewer if the garbage collector has run
        Assert.StartsWith($"{path}: ", problem.Message, StringComparison.Ordinal);
        Assert.All(message, part => Assert.True(problem.Message.Contains(part, StringComparison.Ordinal), $"expected '{part}' in '{problem.Message}'"));
        // Each one-byte instruction can create an object of a hundred bytes and a place on the stack.
        Assert.InRange(allocated, 0, (1 << 20) + factor * new FileInfo(path).Length);
    }
}
