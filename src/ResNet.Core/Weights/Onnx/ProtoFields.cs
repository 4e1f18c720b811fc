using System.Buffers.Binary;
using static Google.Protobuf.WireFormat;

namespace ResNet.Core.Weights.Onnx;

/// <summary>Reads the fields of a message one by one. A value must be read before moving to the next field, or is skipped.</summary>
internal ref struct ProtoFields(ProtoReader reader, long end)
{
    private WireType _type;
    private long _after = reader.Position; // the end of the field's value
    private long _value;

    /// <summary>The field number.</summary>
    public int Number { get; private set; }

    /// <summary>Moves to the next field.</summary>
    /// <returns>False at the end of the message.</returns>
    /// <exception cref="InvalidDataException">The field is invalid or extends beyond the message.</exception>
    public bool MoveNext()
    {
        reader.Position = _after;
        if (_after == end)
            return false;
        var tag = reader.ReadVarint(end);
        if (tag >> 3 is 0 or > int.MaxValue >> 2)
            throw reader.Damaged("a field has no valid number");
        (Number, _type) = ((int)(tag >> 3), (WireType)(tag & 7));
        var length = 0UL;
        switch (_type)
        {
            case WireType.Varint:
                _value = (long)reader.ReadVarint(end);
                break;
            case WireType.Fixed64:
                length = sizeof(long);
                break;
            case WireType.Fixed32:
                length = sizeof(int);
                break;
            case WireType.LengthDelimited:
                length = reader.ReadVarint(end);
                break;
            default:
                throw reader.Damaged($"a field has wire type {(int)_type}");
        }
        if (length > (ulong)(end - reader.Position))
            throw reader.Damaged($"a field claims {length:N0} bytes, but only {end - reader.Position:N0} are left");
        _after = reader.Position + (long)length;
        return true;
    }

    public readonly long ReadInt64()
    {
        Expect(WireType.Varint);
        return _value;
    }

    public readonly float ReadFloat()
    {
        Expect(WireType.Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        reader.Read(bytes, _after);
        return BinaryPrimitives.ReadSingleLittleEndian(bytes);
    }

    public readonly string ReadString()
    {
        Expect(WireType.LengthDelimited);
        return reader.ReadString(_after);
    }

    public readonly ProtoFields ReadMessage()
    {
        Expect(WireType.LengthDelimited);
        return new ProtoFields(reader, _after);
    }

    /// <summary>Whether the value is length-delimited.</summary>
    public readonly bool IsBytes => _type == WireType.LengthDelimited;

    /// <summary>The position and length of the value's bytes.</summary>
    public readonly (long Position, long Length) GetRange()
    {
        Expect(WireType.LengthDelimited);
        return (reader.Position, _after - reader.Position);
    }

    /// <summary>Adds the value to a list of numbers: a single number, or a packed list.</summary>
    public readonly void ReadInto(List<long> numbers, int most)
    {
        if (_type == WireType.Varint)
            numbers.Add(_value);
        else
            for (var values = ReadMessage(); numbers.Count <= most && reader.Position < values.End;)
                numbers.Add((long)reader.ReadVarint(values.End));
        if (numbers.Count > most)
            throw reader.Damaged($"a list has more than {most:N0} numbers");
    }

    /// <summary>Throws if the field is repeated.</summary>
    public readonly void ExpectOnce(bool isFirst)
    {
        if (!isFirst)
            throw reader.Damaged($"field {Number} appears twice");
    }

    private readonly long End => end;

    private readonly void Expect(WireType type)
    {
        if (_type != type)
            throw reader.Damaged($"field {Number} has wire type {(int)_type}, expected {(int)type}");
    }
}
