using Google.Protobuf;
using static Google.Protobuf.CodedOutputStream;

namespace ResNet.Core.Deployment;

/// <summary>A Protocol Buffers message whose fields are written in the order in which they were added.</summary>
internal sealed class ProtoMessage
{
    /// <summary>The maximum size in bytes, since readers count in signed 32 bits.</summary>
    public const long MaxSize = int.MaxValue;

    private readonly List<Action<CodedOutputStream>> _fields = [];
    private int _size;

    public ProtoMessage Add(int field, long value) =>
        Add(field, WireFormat.WireType.Varint, ComputeInt64Size(value), output => output.WriteInt64(value));

    public ProtoMessage Add(int field, string text) =>
        Add(field, WireFormat.WireType.LengthDelimited, ComputeStringSize(text), output => output.WriteString(text));

    public ProtoMessage Add(int field, byte[] bytes)
    {
        var wrapped = UnsafeByteOperations.UnsafeWrap(bytes); // not a copy, since the bytes never change
        return Add(field, WireFormat.WireType.LengthDelimited, ComputeBytesSize(wrapped), output => output.WriteBytes(wrapped));
    }

    /// <param name="field">The field number.</param>
    /// <param name="message">A complete message. Fields added later would not be counted.</param>
    public ProtoMessage Add(int field, ProtoMessage message) =>
        Add(field, WireFormat.WireType.LengthDelimited, ComputeLengthSize(message._size) + (long)message._size, output =>
        {
            output.WriteLength(message._size);
            message.WriteFields(output);
        });

    public void WriteTo(Stream stream)
    {
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        WriteFields(output);
    }

    /// <exception cref="ArgumentException">The message would exceed the maximum size.</exception>
    private ProtoMessage Add(int field, WireFormat.WireType type, long size, Action<CodedOutputStream> write)
    {
        var total = _size + ComputeTagSize(field) + size;
        if (total > MaxSize)
            throw TooLarge(total);
        _size = (int)total;
        _fields.Add(output =>
        {
            output.WriteTag(field, type);
            write(output);
        });
        return this;
    }

    public static ArgumentException TooLarge(long bytes) =>
        new($"Expected a network and metadata of at most {MaxSize} bytes in the file, the limit of Protocol Buffers, got {bytes}.");

    private void WriteFields(CodedOutputStream output)
    {
        foreach (var write in _fields)
            write(output);
    }
}
