using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Weights.Onnx;

/// <summary>Reads a Protocol Buffers file on demand, so that the weights are skipped.</summary>
/// <remarks>Google.Protobuf's own reader does not let its caller limit a nested message.</remarks>
internal sealed class ProtoReader(SafeFileHandle file, long length)
{
    // Bounds the memory for objects. ResNet-152 exported by PyTorch needs 0.1 MB.
    private const int MaxRead = 4 << 20;
    private const int MaxTextLength = 1000; // so that messages can show it

    private static readonly UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[1 << 14];
    private long _start; // the position of the buffer in the file
    private int _count, _read;

    /// <summary>The position of the next byte. Setting it reads nothing.</summary>
    public long Position { get; set; }

    /// <summary>The whole file as a message.</summary>
    public ProtoFields Message => new(this, length);

    public byte ReadByte(long end)
    {
        if (Position >= end)
            throw Damaged("a number extends beyond its message");
        if (++_read > MaxRead)
            throw new InvalidDataException($"is an ONNX model whose graph without its tensors has more than {MaxRead:N0} bytes, the limit");
        if (Position < _start || Position >= _start + _count)
        {
            (_start, _count) = (Position, RandomAccess.Read(file, _buffer, Position));
            if (_count == 0)
                throw FileStreamExtensions.Truncated(Position);
        }
        return _buffer[Position++ - _start];
    }

    /// <summary>Reads a base-128 varint.</summary>
    public ulong ReadVarint(long end)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = ReadByte(end);
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw Damaged("a number has more than ten bytes");
    }

    /// <summary>Reads a fixed 64-bit integer.</summary>
    public long ReadInt64(long end)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Read(bytes, end);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    public void Read(Span<byte> bytes, long end)
    {
        foreach (ref var value in bytes)
            value = ReadByte(end);
    }

    public string ReadString(long end)
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
            throw Damaged("a name is not valid UTF-8");
        }
    }

    public InvalidDataException Damaged(string what) => new($"is an ONNX model that is damaged at byte {Position:N0}: {what}; if its download or copy was cut off, fetch it again");
}
