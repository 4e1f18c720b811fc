using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Reads and writes the memory of a contiguous CPU tensor, in pieces, since a span is limited to 2 GiB.</summary>
internal static class TensorBytes
{
    private const long ElementsPerPiece = 1 << 27; // of at most 8 bytes: 1 GiB

    // Small enough to stay in a core's cache until the checksum is computed
    private const int BytesPerRead = 1 << 18;

    /// <param name="tensor">The tensor to fill.</param>
    /// <param name="file">The file, which several threads may read at once.</param>
    /// <param name="position">The byte position of the elements in the file.</param>
    /// <param name="copy">A stream that receives a copy of the bytes.</param>
    /// <exception cref="InvalidDataException">The file has become shorter.</exception>
    public static void ReadFrom(this Tensor tensor, SafeFileHandle file, long position, Stream copy)
    {
        foreach (var piece in tensor.EnumeratePieces())
            for (var rest = piece.bytes; !rest.IsEmpty;)
            {
                var read = RandomAccess.Read(file, rest[..Math.Min(rest.Length, BytesPerRead)], position);
                if (read == 0)
                    throw FileStreamExtensions.Truncated(position);
                copy.Write(rest[..read]);
                position += read;
                rest = rest[read..];
            }
    }

    public static void WriteTo(this Tensor tensor, Stream stream)
    {
        foreach (var piece in tensor.EnumeratePieces())
            stream.Write(piece.bytes);
    }

    private static IEnumerable<Tensor> EnumeratePieces(this Tensor tensor)
    {
        using var flat = tensor.view(-1);
        for (var start = 0L; start < flat.NumberOfElements; start += ElementsPerPiece)
        {
            using var piece = flat.narrow(0, start, Math.Min(ElementsPerPiece, flat.NumberOfElements - start));
            yield return piece;
        }
    }
}
