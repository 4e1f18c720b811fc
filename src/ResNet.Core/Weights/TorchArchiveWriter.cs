using System.IO.Compression;

namespace ResNet.Core.Weights;

/// <summary>Writes what <see cref="TorchArchiveReader"/> and <c>torch.load</c> read.</summary>
internal static class TorchArchiveWriter
{
    /// <exception cref="ArgumentException">The format has no such tensor.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks)
    {
        var tensors = state.Select(TensorToWrite.Of).ToList();
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);

        // The pickle comes first: from the first entry PyTorch knows the folder.
        archive.Write("data.pkl", entry => entry.Write(PickleWriter.StateDict(tensors, NetworkMetadata.Of(networks, state))));
        archive.Write("byteorder", entry => entry.Write("little"u8));
        for (var i = 0; i < tensors.Count; i++)
            archive.Write($"data/{i}", tensors[i].WriteTo);
        archive.Write("version", entry => entry.Write("3\n"u8)); // of the format
    }

    private static void Write(this ZipArchive archive, string name, Action<Stream> write)
    {
        var entry = archive.CreateEntry($"archive/{name}", CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTime(1980, 1, 1, 0, 0, 0, DateTimeKind.Unspecified); // zip's first day: the same weights give the same file
        using var stream = entry.Open();
        write(stream);
    }
}
