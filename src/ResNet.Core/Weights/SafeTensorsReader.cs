using System.Buffers.Binary;
using System.Text.Json;

namespace ResNet.Core.Weights;

/// <summary>
/// Reads the safetensors format (https://github.com/huggingface/safetensors#format): an 8-byte header length, a JSON header, and the tensors' elements,
/// little-endian and contiguous, without gaps.
/// </summary>
internal static class SafeTensorsReader
{
    /// <summary>The size in bytes of the header length at the start of a file.</summary>
    public const int LengthSize = sizeof(ulong);

    private const int MaxHeaderLength = 100_000_000; // the reference implementation's

    // PyTorch's own limit, far more than any layer has
    private const int MaxDimensions = 64;

    private const int MaxNameLength = 1000; // so that messages can show it

    /// <summary>The element sizes in bits of types that TorchSharp does not have. Types that the format adds later have an unknown size.</summary>
    private static readonly Dictionary<string, int> otherTypes = new()
    {
        ["F4"] = 4, ["F6_E2M3"] = 6, ["F6_E3M2"] = 6, ["F8_E5M2"] = 8, ["F8_E4M3"] = 8, ["F8_E8M0"] = 8, ["F8_E5M2FNUZ"] = 8, ["F8_E4M3FNUZ"] = 8,
        ["U16"] = 16, ["U32"] = 32, ["U64"] = 64, ["C64"] = 64,
    };

    /// <summary>The only key that is not a tensor: a dictionary of strings about the file.</summary>
    public const string Metadata = "__metadata__";

    /// <exception cref="InvalidDataException">The file breaks a rule of the format.</exception>
    public static SafeTensorsStateDict Read(FileStream file)
    {
        var header = ReadHeader(file);
        var dataStart = LengthSize + header.Length;
        try
        {
            return ReadStateDict(header, dataStart, file.Length - dataStart);
        }
        // JsonException for invalid JSON; InvalidOperationException for invalid UTF-8 or UTF-16, or for a value of another kind.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"its header is not the JSON of a safetensors file: {e.Message}", e);
        }
    }

    private static byte[] ReadHeader(FileStream file)
    {
        Span<byte> lengthBytes = stackalloc byte[LengthSize];
        file.ReadAll(lengthBytes);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (length > MaxHeaderLength)
            throw new InvalidDataException($"expected a safetensors header of at most {MaxHeaderLength:N0} bytes, got one of {length:N0}");
        if ((long)length > file.Length - LengthSize)
            throw new InvalidDataException($"ends within its safetensors header: expected {length:N0} bytes, got {file.Length - LengthSize:N0}");

        var header = new byte[length];
        file.ReadAll(header);
        return header;
    }

    /// <summary>The header's description of a tensor. The offsets count from the end of the header.</summary>
    private readonly record struct Entry(string Type, long[] Shape, long Start, long End);

    /// <summary>The range of a tensor's bytes.</summary>
    private readonly record struct Place(string Name, long Start, long End);

    private static SafeTensorsStateDict ReadStateDict(byte[] header, long dataStart, long dataLength)
    {
        var json = new Utf8JsonReader(header);
        var (tensors, places) = (new Dictionary<string, StoredTensor?>(), new List<Place>());
        Dictionary<string, string>? metadata = null;
        ReadToken(ref json, JsonTokenType.StartObject);
        while (ReadName(ref json) is { } name)
        {
            if (name == Metadata && metadata is null)
            {
                metadata = ReadMetadata(ref json);
                continue;
            }
            if (name == Metadata || tensors.ContainsKey(name))
                throw new InvalidDataException($"'{Names.Shorten(name)}' appears twice in its header");
            var entry = ReadEntry(ref json, name);
            tensors.Add(name, CreateTensor(name, entry, dataStart));
            places.Add(new Place(name, entry.Start, entry.End));
        }
        json.Read(); // only whitespace may follow
        CheckLayout(places, dataLength);
        return new SafeTensorsStateDict(tensors, metadata ?? []);
    }

    private static StoredTensor CreateTensor(string name, Entry entry, long dataStart) =>
        ElementType.All.FirstOrDefault(known => known.SafeTensors == entry.Type) is { } type
            ? new StoredTensor(
                new Storage(name, type, (entry.End - entry.Start) / type.Size, dataStart + entry.Start, Checksum: null), Offset: 0, entry.Shape, StoredTensor.ComputeContiguousStrides(entry.Shape))
            : StoredTensor.CreateUnloadable(entry.Type);

    private static Dictionary<string, string> ReadMetadata(ref Utf8JsonReader json)
    {
        var metadata = new Dictionary<string, string>();
        ReadToken(ref json, JsonTokenType.StartObject);
        while (ReadName(ref json) is { } name)
        {
            ReadToken(ref json, JsonTokenType.String);
            if (!metadata.TryAdd(name, json.GetString()!)) // throws if it is not valid text
                throw new InvalidDataException($"'{Names.Shorten(name)}' appears twice in its {Metadata}");
        }
        return metadata;
    }

    private static Entry ReadEntry(ref Utf8JsonReader json, string name)
    {
        string? type = null;
        long[]? shape = null, offsets = null;
        ReadToken(ref json, JsonTokenType.StartObject);
        while (ReadName(ref json) is { } field)
        {
            switch (field)
            {
                case "dtype" when type is null:
                    ReadToken(ref json, JsonTokenType.String);
                    type = json.GetString()!;
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref json, name);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref json, name);
                    break;
                default:
                    throw new InvalidDataException($"'{Names.Shorten(name)}': expected dtype, shape and data_offsets, each once, got '{Names.Shorten(field)}'");
            }
        }

        if (type is null || shape is null || offsets is not [var start, var end])
            throw new InvalidDataException($"'{Names.Shorten(name)}': expected dtype, shape and two data_offsets");
        type = Names.Shorten(type);
        if (start > end)
            throw new InvalidDataException($"'{Names.Shorten(name)}': expected data_offsets in ascending order, got {start} and {end}");
        if (ComputeSizeInBits(type, shape) is { } size && size != (Int128)(end - start) * 8)
            throw new InvalidDataException($"'{Names.Shorten(name)}': expected {(size > long.MaxValue ? "more than any file's" : size % 8 == 0 ? $"{size / 8}" : "a whole number of")} bytes for {type} of shape ({Names.Shorten(string.Join(", ", shape))}), got those from {start} to {end}");
        return new Entry(type, shape, start, end);
    }

    /// <summary>The exact size, or one larger than any file; null if the element size is unknown.</summary>
    private static Int128? ComputeSizeInBits(string type, long[] shape)
    {
        var bits = ElementType.All.FirstOrDefault(known => known.SafeTensors == type)?.Size * 8 ?? (otherTypes.TryGetValue(type, out var other) ? other : null as int?);
        if (bits is null)
            return null;
        Int128 size = shape.Contains(0) ? 0 : bits.Value;
        foreach (var length in shape)
            if (size <= long.MaxValue)
                size *= length;
        return size;
    }

    private static long[] ReadNumbers(ref Utf8JsonReader json, string name)
    {
        var numbers = new List<long>();
        ReadToken(ref json, JsonTokenType.StartArray);
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out var number) || number < 0)
                throw new InvalidDataException($"'{Names.Shorten(name)}': expected whole numbers from 0 to {long.MaxValue}, got {Format(json)}");
            if (numbers.Count == MaxDimensions)
                throw new InvalidDataException($"'{Names.Shorten(name)}': expected at most {MaxDimensions} dimensions, got more");
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private static void ReadToken(ref Utf8JsonReader json, JsonTokenType expected)
    {
        json.Read();
        if (json.TokenType != expected)
            throw new InvalidDataException($"its header has {Format(json)} at byte {json.TokenStartIndex}, expected {expected}");
    }

    /// <summary>The next property name of an object, or null at its end.</summary>
    private static string? ReadName(ref Utf8JsonReader json)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.PropertyName)
            return null;
        return json.ValueSpan.Length <= MaxNameLength
            ? json.GetString()
            : throw new InvalidDataException($"its header has a name of {json.ValueSpan.Length:N0} bytes, '{Names.Shorten(System.Text.Encoding.UTF8.GetString(json.ValueSpan[..MaxNameLength]))}', expected at most {MaxNameLength:N0}");
    }

    private static string Format(Utf8JsonReader json) => $"{json.TokenType} {System.Text.Encoding.UTF8.GetString(json.ValueSpan[..Math.Min(json.ValueSpan.Length, 100)])}".TrimEnd();

    /// <summary>Throws unless the tensors cover the data from the first byte to the last, without gaps or overlaps.</summary>
    private static void CheckLayout(List<Place> places, long dataLength)
    {
        places.Sort((one, other) => (one.Start, one.End).CompareTo((other.Start, other.End)));
        var position = 0L;
        foreach (var (name, start, end) in places)
        {
            if (start != position)
                throw new InvalidDataException($"'{Names.Shorten(name)}' starts at byte {start} of the data, expected {position}, where the previous tensor ends");
            position = end;
        }
        if (position != dataLength)
            throw new InvalidDataException($"expected {position:N0} bytes of data, as its header says, got {dataLength:N0}{(dataLength < position ? "; the download or copy was cut off: fetch it again" : "")}");
    }
}
