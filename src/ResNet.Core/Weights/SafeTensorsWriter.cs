using System.Buffers.Binary;
using System.Text.Json;

namespace ResNet.Core.Weights;

/// <summary>Writes the safetensors format.</summary>
internal static class SafeTensorsWriter
{
    /// <remarks>
    /// The data starts at a multiple of 8 bytes, and tensors with larger elements come first, so that every tensor is aligned and can be used in place in a
    /// memory-mapped file.
    /// </remarks>
    /// <exception cref="ArgumentException">The format does not support a tensor's type or name.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks)
    {
        if (state.Any(entry => entry.Name == SafeTensorsReader.Metadata))
            throw new ArgumentException($"Expected no tensor named {SafeTensorsReader.Metadata}, which safetensors reserves.");
        var tensors = state.Select(TensorToWrite.Create).OrderByDescending(tensor => tensor.Type.Size).ToList();

        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafeTensorsReader.Metadata);
            json.WriteString("format", "pt"); // PyTorch tensors; Hugging Face's libraries require this entry
            foreach (var (module, entries) in NetworkMetadata.Create(networks, state))
                foreach (var (key, value) in entries)
                    json.WriteString(SafeTensorsStateDict.GetMetadataKey(module, key), value);
            json.WriteEndObject();
            var start = 0L;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.SafeTensors);
                WriteNumbers(json, "shape", tensor.Shape);
                WriteNumbers(json, "data_offsets", [start, start += tensor.Length]);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');

        Span<byte> length = stackalloc byte[SafeTensorsReader.LengthSize];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
        foreach (var tensor in tensors)
            tensor.WriteTo(stream);
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, long[] numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }
}
