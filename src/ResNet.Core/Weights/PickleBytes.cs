namespace ResNet.Core.Weights;

/// <summary>The bytes of one pickle, or of several that follow each other in a file: where one ends, only its reader finds out.</summary>
internal sealed class PickleBytes
{
    // They are read as a whole or nearly so. A tensor takes about 150 bytes, so this is for 400,000; and arrays of NumPy's may stand in it.
    public const int MaxLength = 64 << 20;

    private const int FirstLength = 1 << 16, MaxLine = 1 << 16;

    private readonly Stream _file;
    private readonly bool _endsWithFile;
    private byte[] _buffer;
    private int _start, _end; // of what is in the buffer and not yet taken
    private int _unread; // how many are still in the file

    /// <summary>The pickle is all of these.</summary>
    public PickleBytes(byte[] pickle)
    {
        (_file, _buffer, _end, _endsWithFile) = (Stream.Null, pickle, pickle.Length, true);
    }

    /// <summary>The pickles begin at the file's position. No more of it is read than they need, or a buffer of that.</summary>
    public PickleBytes(FileStream file)
    {
        var length = file.Length - file.Position;
        (_file, _buffer, _endsWithFile) = (file, [], length <= MaxLength);
        (Position, _unread) = (file.Position, (int)Math.Min(length, MaxLength));
    }

    /// <summary>Where the next is, in the file or the array.</summary>
    public long Position { get; private set; }

    /// <summary>How many can still be taken.</summary>
    public int Left => _end - _start + _unread;

    /// <summary>The next few, which stay where they are until more are taken.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
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

    /// <summary>All to the next end of a line, which is taken as well.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public ReadOnlySpan<byte> TakeLine()
    {
        var length = LineLength();
        if (length < 0 && _end - _start < Math.Min(Left, MaxLine))
        {
            Fill(Math.Min(Left, MaxLine));
            length = LineLength();
        }
        return length >= 0 ? Take((ulong)length + 1)[..^1]
            : throw (Left >= MaxLine ? new InvalidDataException($"has a name or a number of more than {MaxLine:N0} bytes")
                : _endsWithFile ? new InvalidDataException("ends within a name")
                : TooLong());
    }

    /// <summary>Less than 0 if its end is not in the buffer.</summary>
    private int LineLength() => _buffer.AsSpan(_start, Math.Min(_end - _start, MaxLine)).IndexOf((byte)'\n');

    private static InvalidDataException TooLong() => new($"is longer than {MaxLength:N0} bytes, expected at most that, without the tensors");

    /// <summary>Reads on until there are so many in the buffer.</summary>
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
            throw FileReading.EndsAt(_file.Position);
        (_end, _unread) = (_end + read, _unread - read);
    }
}
