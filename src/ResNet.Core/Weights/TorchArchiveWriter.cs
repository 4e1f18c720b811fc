using System.IO.Compression;

namespace ResNet.Core.Weights;

/// <summary>Writes the format of <c>torch.save</c> since PyTorch 1.6.</summary>
internal static class TorchArchiveWriter
{
    /// <exception cref="ArgumentException">The format does not support a tensor's type or name.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks)
    {
        var tensors = state.Select(TensorToWrite.Create).ToList();
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);

        // The pickle comes first, since PyTorch takes the folder from the first entry.
        archive.Write("data.pkl", entry => entry.Write(PickleWriter.WriteStateDict(tensors, NetworkMetadata.Create(networks, state))));
        archive.Write("byteorder", entry => entry.Write("little"u8));
        for (var i = 0; i < tensors.Count; i++)
            archive.Write($"data/{i}", tensors[i].WriteTo);
        archive.Write("version", entry => entry.Write("3\n"u8)); // of the format
    }

    private static void Write(this ZipArchive archive, string name, Action<Stream> write)
    {
        var entry = archive.CreateEntry($"archive/{name}", CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTime(1980, 1, 1, 0, 0, 0, DateTimeKind.Unspecified); // the earliest time in a zip archive, so that the same weights give the same file
        using var stream = entry.Open();
        write(stream);
    }
}
