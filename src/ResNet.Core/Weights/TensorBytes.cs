using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>A contiguous CPU tensor's memory from and to a file, in pieces, since a span ends at 2 GiB.</summary>
internal static class TensorBytes
{
    private const long ElementsPerPiece = 1 << 27; // of at most 8 bytes: 1 GiB

    // What a core's cache still holds when it goes into a checksum
    private const int BytesPerRead = 1 << 18;

    /// <param name="tensor">What is filled.</param>
    /// <param name="file">Several threads may read it.</param>
    /// <param name="position">Where it starts in the file, in bytes.</param>
    /// <param name="copy">Takes what is read as well.</param>
    /// <exception cref="InvalidDataException">The file has become shorter.</exception>
    public static void ReadFrom(this Tensor tensor, SafeFileHandle file, long position, Stream copy)
    {
        foreach (var piece in tensor.Pieces())
            for (var rest = piece.bytes; !rest.IsEmpty;)
            {
                var read = RandomAccess.Read(file, rest[..Math.Min(rest.Length, BytesPerRead)], position);
                if (read == 0)
                    throw FileReading.EndsAt(position);
                copy.Write(rest[..read]);
                position += read;
                rest = rest[read..];
            }
    }

    public static void WriteTo(this Tensor tensor, Stream stream)
    {
        foreach (var piece in tensor.Pieces())
            stream.Write(piece.bytes);
    }

    private static IEnumerable<Tensor> Pieces(this Tensor tensor)
    {
        using var flat = tensor.view(-1);
        for (var start = 0L; start < flat.NumberOfElements; start += ElementsPerPiece)
        {
            using var piece = flat.narrow(0, start, Math.Min(ElementsPerPiece, flat.NumberOfElements - start));
            yield return piece;
        }
    }
}
