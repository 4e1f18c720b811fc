using System.Buffers.Binary;
using System.Text.Json;

namespace ResNet.Core.Weights;

/// <summary>
/// The safetensors format (https://github.com/huggingface/safetensors#format): the length of a header as 8 bytes, the header
/// in JSON, and the tensors' elements, little-endian and contiguous, without gaps.
/// </summary>
internal static class SafeTensorsReader
{
    /// <summary>Bytes of the header's length, with which a file starts.</summary>
    public const int LengthSize = sizeof(ulong);

    private const int MaxHeaderLength = 100_000_000; // the reference implementation's

    /// <summary>The one key that is no tensor: text by name, such as who wrote the file.</summary>
    public const string Metadata = "__metadata__";

    /// <exception cref="InvalidDataException">The file breaks a rule of the format.</exception>
    public static SafeTensorsStateDict Read(FileStream file)
    {
        var header = ReadHeader(file);
        var dataStart = LengthSize + header.Length;
        Dictionary<string, Entry> entries;
        var metadata = new Dictionary<string, string>();
        try
        {
            entries = Entries(header, metadata);
        }
        // JsonException for what is no JSON, InvalidOperationException for text that is no UTF-8 or UTF-16 or a value of another kind.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"its header is not the JSON of a safetensors file: {e.Message}", e);
        }

        CheckLayout(entries, file.Length - dataStart);
        var tensors = entries.ToDictionary(
            entry => entry.Key,
            StoredTensor? (entry) => new StoredTensor(
                new Storage(entry.Key, entry.Value.Type, (entry.Value.End - entry.Value.Start) / entry.Value.Type.Size, dataStart + entry.Value.Start, Checksum: null),
                Offset: 0,
                entry.Value.Shape,
                StoredTensor.ContiguousStrides(entry.Value.Shape)));
        return new SafeTensorsStateDict(tensors, metadata);
    }

    private static byte[] ReadHeader(FileStream file)
    {
        Span<byte> lengthBytes = stackalloc byte[LengthSize];
        file.ReadExactly(lengthBytes);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (length > MaxHeaderLength)
            throw new InvalidDataException($"expected a safetensors header of at most {MaxHeaderLength:N0} bytes, got one of {length:N0}");
        if ((long)length > file.Length - LengthSize)
            throw new InvalidDataException($"ends within its safetensors header: expected {length:N0} bytes, got {file.Length - LengthSize:N0}");

        var header = new byte[length];
        file.ReadExactly(header);
        return header;
    }

    /// <summary>What the header says of a tensor. The offsets count from the end of the header.</summary>
    private sealed record Entry(ElementType Type, long[] Shape, long Start, long End);

    private static Dictionary<string, Entry> Entries(byte[] header, Dictionary<string, string> metadata)
    {
        var json = new Utf8JsonReader(header);
        var entries = new Dictionary<string, Entry>();
        var hasMetadata = false;
        Next(ref json, JsonTokenType.StartObject);
        while (NextName(ref json) is { } name)
        {
            if (name == Metadata && !hasMetadata)
            {
                ReadMetadata(ref json, metadata);
                hasMetadata = true;
            }
            else if (name == Metadata || !entries.TryAdd(name, ReadEntry(ref json, name)))
            {
                throw new InvalidDataException($"'{name}' stands twice in its header");
            }
        }
        json.Read(); // nothing but spaces may follow
        return entries;
    }

    private static void ReadMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata)
    {
        Next(ref json, JsonTokenType.StartObject);
        while (NextName(ref json) is { } name)
        {
            Next(ref json, JsonTokenType.String);
            if (!metadata.TryAdd(name, json.GetString()!))
                throw new InvalidDataException($"'{name}' stands twice in its {Metadata}");
        }
    }

    private static Entry ReadEntry(ref Utf8JsonReader json, string name)
    {
        ElementType? type = null;
        long[]? shape = null, offsets = null;
        Next(ref json, JsonTokenType.StartObject);
        while (NextName(ref json) is { } field)
        {
            switch (field)
            {
                case "dtype" when type is null:
                    Next(ref json, JsonTokenType.String);
                    var dtype = json.GetString();
                    type = ElementType.All.FirstOrDefault(known => known.SafeTensors == dtype)
                        ?? throw new InvalidDataException($"'{name}': expected one of the types {string.Join(", ", ElementType.All.Select(known => known.SafeTensors))}, got '{dtype}'");
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref json, name);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref json, name);
                    break;
                default:
                    throw new InvalidDataException($"'{name}': expected dtype, shape and data_offsets, each once, got '{field}'");
            }
        }

        if (type is null || shape is null || offsets is not [var start, var end])
            throw new InvalidDataException($"'{name}': expected dtype, shape and two data_offsets");
        if (SizeInBytes(type, shape) is var size && size != end - start)
            throw new InvalidDataException($"'{name}': expected {(size > long.MaxValue ? "more than any file's" : size)} bytes for {type.SafeTensors} of shape ({string.Join(", ", shape)}), got those from {start} to {end}");
        return new Entry(type, shape, start, end);
    }

    /// <summary>Exact, or larger than any file.</summary>
    private static Int128 SizeInBytes(ElementType type, long[] shape)
    {
        Int128 size = shape.Contains(0) ? 0 : type.Size;
        foreach (var length in shape)
            if (size <= long.MaxValue)
                size *= length;
        return size;
    }

    private static long[] ReadNumbers(ref Utf8JsonReader json, string name)
    {
        var numbers = new List<long>();
        Next(ref json, JsonTokenType.StartArray);
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out var number) || number < 0)
                throw new InvalidDataException($"'{name}': expected whole numbers from 0 to {long.MaxValue}, got {Text(json)}");
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private static void Next(ref Utf8JsonReader json, JsonTokenType expected)
    {
        json.Read();
        if (json.TokenType != expected)
            throw new InvalidDataException($"its header has {Text(json)} at byte {json.TokenStartIndex}, expected {expected}");
    }

    /// <summary>The next name of an object, or null at its end.</summary>
    private static string? NextName(ref Utf8JsonReader json) =>
        json.Read() && json.TokenType == JsonTokenType.PropertyName ? json.GetString() : null;

    private static string Text(Utf8JsonReader json) => $"{json.TokenType} {System.Text.Encoding.UTF8.GetString(json.ValueSpan[..Math.Min(json.ValueSpan.Length, 100)])}".TrimEnd();

    /// <summary>That the tensors follow each other from the first byte of the data to the last, without holes or overlaps.</summary>
    private static void CheckLayout(Dictionary<string, Entry> entries, long dataLength)
    {
        var position = 0L;
        foreach (var (name, entry) in entries.OrderBy(entry => entry.Value.Start).ThenBy(entry => entry.Value.End))
        {
            if (entry.Start != position)
                throw new InvalidDataException($"'{name}' starts at byte {entry.Start} of the data, expected {position}, where the one before it ends");
            position = entry.End;
        }
        if (position != dataLength)
            throw new InvalidDataException($"expected {position:N0} bytes of data, as its header says, got {dataLength:N0}");
    }
}
