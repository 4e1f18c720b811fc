using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Finds the address of a tensor's elements. TorchSharp's <see cref="Tensor.bytes"/> is limited to 2 GiB and to main memory.</summary>
internal static unsafe partial class TensorAddress
{
    /// <param name="tensor">A contiguous tensor. The address is valid while the tensor lives.</param>
    public static byte* Find(Tensor tensor)
    {
        if (!tensor.is_contiguous())
            throw new ArgumentException($"expected a contiguous tensor, got strides ({string.Join(", ", tensor.stride())}) for shape ({string.Join(", ", tensor.shape)})", nameof(tensor));
        return (byte*)THSTensor_data(tensor.Handle);
    }

    // TorchSharp has loaded this library before any tensor exists.
    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint handle);
}
