using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Checks that a module's tensor can be copied into.</summary>
internal static class Writable
{
    /// <exception cref="ArgumentException">libtorch would refuse the copy or lose it.</exception>
    public static void Check(NamedTensor entry)
    {
        var tensor = entry.Tensor;
        TensorToWrite.CheckHasElements(entry);
        ElementType.FromTensor(entry);
        if (SharesMemory(tensor))
            throw Unexpected($"a tensor with memory for each of its elements, got one of shape ({string.Join(", ", tensor.shape)}) and strides ({string.Join(", ", tensor.stride())}), as expand() creates it; contiguous() allocates memory");

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        try
        {
            tensor.copy_(tensor); // checks that the tensor is writable, and copies nothing
        }
        catch (ExternalException e)
        {
            throw Unexpected($"a tensor that can be written to; {e.Message.Split('\n')[0]}");
        }

        ArgumentException Unexpected(string expected) => new($"{entry.Name}: expected {expected}.");
    }

    /// <summary>Whether two elements may share memory: some stride is smaller than the extent of the dimensions with smaller strides.</summary>
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
