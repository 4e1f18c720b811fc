using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Weights.Onnx;

/// <summary>Bytes of a file of Protocol Buffers, of which only those that are asked for are read: the weights are not.</summary>
/// <remarks>The protobuf library's own reader does not let its caller say where a nested message ends.</remarks>
internal sealed class ProtoReader(SafeFileHandle file, long length)
{
    // Of what makes objects. ResNet-152 as PyTorch exports it has a tenth of a megabyte.
    private const int MaxRead = 4 << 20;
    private const int MaxTextLength = 1000; // so that it can be told

    private static readonly UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[1 << 14];
    private long _start; // of what is in the buffer
    private int _count, _read;

    /// <summary>Where the next byte is read. To set it reads nothing.</summary>
    public long Position { get; set; }

    /// <summary>The message that is the whole file.</summary>
    public ProtoFields Message => new(this, length);

    public byte Byte(long end)
    {
        if (Position >= end)
            throw Damaged("a number goes beyond its message");
        if (++_read > MaxRead)
            throw new InvalidDataException($"is an ONNX model whose graph takes more than {MaxRead:N0} bytes without its tensors, expected less");
        if (Position < _start || Position >= _start + _count)
        {
            (_start, _count) = (Position, RandomAccess.Read(file, _buffer, Position));
            if (_count == 0)
                throw FileReading.EndsAt(Position);
        }
        return _buffer[Position++ - _start];
    }

    /// <summary>A number of up to ten bytes, of seven bits each.</summary>
    public ulong Varint(long end)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte(end);
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw Damaged("a number has more than ten bytes");
    }

    /// <summary>A number of eight bytes.</summary>
    public long Int64(long end)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Read(bytes, end);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    public void Read(Span<byte> bytes, long end)
    {
        foreach (ref var value in bytes)
            value = Byte(end);
    }

    public string Text(long end)
    {
        var length = end - Position;
        if (length > MaxTextLength)
            throw new InvalidDataException($"is an ONNX model with a name of {length:N0} bytes, expected at most {MaxTextLength:N0}");
        if (length == 0)
            return "";
        Span<byte> bytes = stackalloc byte[(int)length];
        Read(bytes, end);
        try
        {
            return utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Damaged("a name is no UTF-8");
        }
    }

    public InvalidDataException Damaged(string what) => new($"is an ONNX model that is damaged at byte {Position:N0}: {what}; was its download or copy cut off? Fetch it again");
}
