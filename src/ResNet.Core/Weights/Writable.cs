using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>What a module's tensor has to be so that a copy into it arrives.</summary>
internal static class Writable
{
    /// <exception cref="ArgumentException">libtorch would refuse the copy, or it would be lost.</exception>
    public static void Check(NamedTensor entry)
    {
        var tensor = entry.Tensor;
        TensorToWrite.CheckHasElements(entry);
        ElementType.Of(entry);
        if (SharesMemory(tensor))
            throw Unexpected($"a tensor with memory for each of its elements, got one of shape ({string.Join(", ", tensor.shape)}) and strides ({string.Join(", ", tensor.stride())}), as expand() makes it; contiguous() gives it memory");

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        try
        {
            tensor.copy_(tensor); // which looks whether it may be written to, and then has nothing to do
        }
        catch (ExternalException e)
        {
            throw Unexpected($"a tensor that can be written to; {e.Message.Split('\n')[0]}");
        }

        ArgumentException Unexpected(string expected) => new($"{entry.Name}: expected {expected}.");
    }

    /// <summary>Whether two of its elements are the same place in memory, or could be: none of the strides is within the reach of the smaller ones, otherwise.</summary>
    private static bool SharesMemory(Tensor tensor)
    {
        var shape = tensor.shape;
        if (shape.Contains(0)) return false;

        var reach = 1L;
        foreach (var (stride, length) in tensor.stride().Zip(shape).Where(dimension => dimension.Second > 1).Order())
        {
            if (stride < reach) return true;
            reach += stride * (length - 1);
        }
        return false;
    }
}
