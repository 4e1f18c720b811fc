using System.Buffers.Binary;
using static Google.Protobuf.WireFormat;

namespace ResNet.Core.Weights.Onnx;

/// <summary>The fields of a message, one after the other. A field's value is looked at before the next field, or passed over.</summary>
internal ref struct ProtoFields(ProtoReader reader, long end)
{
    private WireType _type;
    private long _after = reader.Position; // the field's value
    private long _value;

    /// <summary>The field's number, which says what it is.</summary>
    public int Number { get; private set; }

    /// <summary>Goes to the next field.</summary>
    /// <returns>False at the message's end.</returns>
    /// <exception cref="InvalidDataException">It goes beyond the message.</exception>
    public bool Next()
    {
        reader.Position = _after;
        if (_after == end)
            return false;
        var tag = reader.Varint(end);
        if (tag >> 3 is 0 or > int.MaxValue >> 2)
            throw reader.Damaged("a field has no number");
        (Number, _type) = ((int)(tag >> 3), (WireType)(tag & 7));
        var length = 0UL;
        switch (_type)
        {
            case WireType.Varint:
                _value = (long)reader.Varint(end);
                break;
            case WireType.Fixed64:
                length = sizeof(long);
                break;
            case WireType.Fixed32:
                length = sizeof(int);
                break;
            case WireType.LengthDelimited:
                length = reader.Varint(end);
                break;
            default:
                throw reader.Damaged($"a field is of kind {(int)_type}");
        }
        if (length > (ulong)(end - reader.Position))
            throw reader.Damaged($"a field has {length:N0} bytes, {end - reader.Position:N0} are left");
        _after = reader.Position + (long)length;
        return true;
    }

    public readonly long Int64()
    {
        Expect(WireType.Varint);
        return _value;
    }

    public readonly float Float()
    {
        Expect(WireType.Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        reader.Read(bytes, _after);
        return BinaryPrimitives.ReadSingleLittleEndian(bytes);
    }

    public readonly string Text()
    {
        Expect(WireType.LengthDelimited);
        return reader.Text(_after);
    }

    public readonly ProtoFields Message()
    {
        Expect(WireType.LengthDelimited);
        return new ProtoFields(reader, _after);
    }

    /// <summary>Whether the value is bytes, of which there can be any number, and no number.</summary>
    public readonly bool IsBytes => _type == WireType.LengthDelimited;

    /// <summary>Where the value's bytes are.</summary>
    public readonly (long Position, long Length) Bytes()
    {
        Expect(WireType.LengthDelimited);
        return (reader.Position, _after - reader.Position);
    }

    /// <summary>Adds to a list of numbers: one, or several in one value.</summary>
    public readonly void AddTo(List<long> numbers, int most)
    {
        if (_type == WireType.Varint)
            numbers.Add(_value);
        else
            for (var values = Message(); numbers.Count <= most && reader.Position < values.End;)
                numbers.Add((long)reader.Varint(values.End));
        if (numbers.Count > most)
            throw reader.Damaged($"a list has more than {most:N0} numbers");
    }

    /// <summary>Refuses a field that is there for the second time.</summary>
    public readonly void Once(bool isFirst)
    {
        if (!isFirst)
            throw reader.Damaged($"field {Number} stands twice");
    }

    private readonly long End => end;

    private readonly void Expect(WireType type)
    {
        if (_type != type)
            throw reader.Damaged($"field {Number} is of kind {(int)_type}, expected {(int)type}");
    }
}
