using Google.Protobuf;
using static Google.Protobuf.CodedOutputStream;

namespace ResNet.Core.Deployment;

/// <summary>A message of Protocol Buffers: numbered fields, written in the order in which they were added.</summary>
internal sealed class ProtoMessage
{
    private readonly List<Action<CodedOutputStream>> _fields = [];
    private int _size;

    public ProtoMessage Add(int field, long value) =>
        Add(field, WireFormat.WireType.Varint, ComputeInt64Size(value), output => output.WriteInt64(value));

    public ProtoMessage Add(int field, string text) =>
        Add(field, WireFormat.WireType.LengthDelimited, ComputeStringSize(text), output => output.WriteString(text));

    public ProtoMessage Add(int field, byte[] bytes)
    {
        var wrapped = UnsafeByteOperations.UnsafeWrap(bytes); // not a copy: it is not changed any more
        return Add(field, WireFormat.WireType.LengthDelimited, ComputeBytesSize(wrapped), output => output.WriteBytes(wrapped));
    }

    /// <param name="field">Its number.</param>
    /// <param name="message">Complete: what is added to it later would not be counted.</param>
    public ProtoMessage Add(int field, ProtoMessage message) =>
        Add(field, WireFormat.WireType.LengthDelimited, ComputeLengthSize(message._size) + message._size, output =>
        {
            output.WriteLength(message._size);
            message.WriteFields(output);
        });

    public void WriteTo(Stream stream)
    {
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        WriteFields(output);
    }

    private ProtoMessage Add(int field, WireFormat.WireType type, int size, Action<CodedOutputStream> write)
    {
        _size += ComputeTagSize(field) + size;
        _fields.Add(output =>
        {
            output.WriteTag(field, type);
            write(output);
        });
        return this;
    }

    private void WriteFields(CodedOutputStream output)
    {
        foreach (var write in _fields)
            write(output);
    }
}
