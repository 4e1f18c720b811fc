using TorchSharp;

namespace ResNet.Core.Tests.Weights;

/// <summary>What every file that cannot be loaded has to end in, whatever is wrong with it.</summary>
internal static class Hostile
{
    /// <summary>
    /// That loading ends in an exception that names the file and what is wrong with it, with the module as it was, and
    /// without more memory than the file's size explains.
    /// </summary>
    public static void AssertRefused(string path, params string[] message) => AssertRefused(path, 300, message);

    /// <param name="path">The file.</param>
    /// <param name="factor">How many bytes of memory a byte of the file may take.</param>
    /// <param name="message">What has to be told.</param>
    public static void AssertRefused(string path, int factor, params string[] message)
    {
        using var module = new BasicBlock(3, 4, stride: 2);
        using var unchanged = new Unchanged(module);
        var tensors = torch.Tensor.TotalCount;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(module, path, strict: false));
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

        unchanged.Assert();
        Assert.InRange(torch.Tensor.TotalCount, 0, tensors); // fewer where the garbage collector came by
        Assert.StartsWith($"{path}: ", problem.Message, StringComparison.Ordinal);
        Assert.All(message, part => Assert.True(problem.Message.Contains(part, StringComparison.Ordinal), $"expected '{part}' in '{problem.Message}'"));
        // The longest chain of one-byte instructions makes an object each, of a hundred bytes and a place on the stack.
        Assert.InRange(allocated, 0, (1 << 20) + factor * new FileInfo(path).Length);
    }
}
