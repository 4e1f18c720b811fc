using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Where a tensor's elements lie. TorchSharp's own way there, <see cref="Tensor.bytes"/>, ends at 2 GiB and at main memory.</summary>
internal static unsafe partial class TensorAddress
{
    /// <param name="tensor">Contiguous. The address holds as long as the tensor lives.</param>
    public static byte* Find(Tensor tensor)
    {
        if (!tensor.is_contiguous())
            throw new ArgumentException($"expected a contiguous tensor, got strides ({string.Join(", ", tensor.stride())}) for shape ({string.Join(", ", tensor.shape)})", nameof(tensor));
        return (byte*)THSTensor_data(tensor.Handle);
    }

    // TorchSharp has loaded it by the time that there is a tensor.
    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint handle);
}
