namespace ResNet.Core.Weights;

/// <summary>The bytes of one pickle, or of consecutive pickles in a file. Only parsing a pickle tells where it ends.</summary>
internal sealed class PickleBytes
{
    // Enough for 400,000 tensors of about 150 bytes each. The pickle is read into memory, and may include NumPy arrays.
    public const int MaxLength = 64 << 20;

    private const int FirstLength = 1 << 16, MaxLine = 1 << 16;

    private readonly Stream _file;
    private readonly bool _endsWithFile;
    private byte[] _buffer;
    private int _start, _end; // the bytes in the buffer that are not yet taken
    private int _unread; // the bytes that are still in the file

    /// <summary>Reads one pickle, the whole array.</summary>
    public PickleBytes(byte[] pickle)
    {
        (_file, _buffer, _end, _endsWithFile) = (Stream.Null, pickle, pickle.Length, true);
    }

    /// <summary>Reads pickles from the file's current position on, at most one buffer further than they need.</summary>
    public PickleBytes(FileStream file)
    {
        var length = file.Length - file.Position;
        (_file, _buffer, _endsWithFile) = (file, [], length <= MaxLength);
        (Position, _unread) = (file.Position, (int)Math.Min(length, MaxLength));
    }

    /// <summary>The position of the next byte in the file or the array.</summary>
    public long Position { get; private set; }

    /// <summary>The number of bytes left.</summary>
    public int Left => _end - _start + _unread;

    /// <summary>Takes the next bytes. The span is valid until the next call.</summary>
    /// <exception cref="InvalidDataException">There are fewer bytes.</exception>
    public ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)Left)
            throw _endsWithFile ? new InvalidDataException($"ends too early: expected {count:N0} more bytes, got {Left:N0}") : TooLong();
        if ((int)count > _end - _start)
            Fill((int)count);
        var bytes = _buffer.AsSpan(_start, (int)count);
        (_start, Position) = (_start + (int)count, Position + (int)count);
        return bytes;
    }

    /// <summary>Takes the next line. The span excludes the line break.</summary>
    /// <exception cref="InvalidDataException">There is no line break.</exception>
    public ReadOnlySpan<byte> TakeLine()
    {
        var length = FindLineLength();
        if (length < 0 && _end - _start < Math.Min(Left, MaxLine))
        {
            Fill(Math.Min(Left, MaxLine));
            length = FindLineLength();
        }
        return length >= 0 ? Take((ulong)length + 1)[..^1]
            : throw (Left >= MaxLine ? new InvalidDataException($"has a name or a number of more than {MaxLine:N0} bytes")
                : _endsWithFile ? new InvalidDataException("ends within a name")
                : TooLong());
    }

    /// <summary>The length of the next line; negative if its end is not in the buffer.</summary>
    private int FindLineLength() => _buffer.AsSpan(_start, Math.Min(_end - _start, MaxLine)).IndexOf((byte)'\n');

    private static InvalidDataException TooLong() => new($"is longer than {MaxLength:N0} bytes, the limit without the tensors");

    /// <summary>Fills the buffer with at least <paramref name="count"/> bytes.</summary>
    private void Fill(int count)
    {
        var held = _buffer.AsSpan(_start.._end);
        if (count > _buffer.Length)
        {
            var larger = new byte[Math.Max(count, Math.Min(Math.Max(2 * _buffer.Length, FirstLength), Left))];
            held.CopyTo(larger);
            _buffer = larger;
        }
        else
        {
            held.CopyTo(_buffer);
        }
        (_start, _end) = (0, held.Length);

        var more = _buffer.AsSpan(_end, Math.Min(_buffer.Length - _end, _unread));
        var read = _file.ReadAtLeast(more, count - _end, throwOnEndOfStream: false);
        if (read < count - _end)
            throw FileStreamExtensions.Truncated(_file.Position);
        (_end, _unread) = (_end + read, _unread - read);
    }
}
