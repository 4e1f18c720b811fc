using System.Buffers.Binary;
using System.Text.Json;

namespace ResNet.Core.Weights;

/// <summary>Writes what <see cref="SafeTensorsReader"/> reads.</summary>
internal static class SafeTensorsWriter
{
    /// <remarks>
    /// The data begins at a multiple of 8 bytes, and the tensors stand in falling order of their elements' sizes, so that each
    /// begins at a multiple of its own: whoever maps the file can use them in place.
    /// </remarks>
    /// <exception cref="ArgumentException">The format has no such tensor.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks)
    {
        if (state.Any(entry => entry.Name == SafeTensorsReader.Metadata))
            throw new ArgumentException($"Expected other names of tensors than {SafeTensorsReader.Metadata}, which safetensors keeps for itself.");
        var tensors = state.Select(TensorToWrite.Of).OrderByDescending(tensor => tensor.Type.Size).ToList();

        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafeTensorsReader.Metadata);
            json.WriteString("format", "pt"); // shapes are PyTorch's: what Hugging Face's libraries look for
            foreach (var (module, entries) in NetworkMetadata.Of(networks, state))
                foreach (var (key, value) in entries)
                    json.WriteString(SafeTensorsStateDict.MetadataKey(module, key), value);
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
