using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace ResNet.Core.Weights;

/// <summary>
/// Reads the pickle of a <c>state_dict</c>. Pickle is a program for a machine with a stack, which in Python can call
/// anything; here it can make numbers, text, tuples, lists, dictionaries and tensors, and whatever else it asks for is
/// an exception that names it.
/// </summary>
/// <remarks>
/// A tuple becomes an <c>object?[]</c>, a list a <c>List&lt;object?&gt;</c>, a dictionary a <c>Dictionary&lt;object, object?&gt;</c>,
/// an int a <c>long</c>. Every instruction makes at most one small object: the pickle's length bounds time and memory,
/// and nothing here recurses, however deep it is nested.
/// </remarks>
/// <param name="pickle">Its bytes.</param>
/// <param name="storage">Gives the storage of that key, type and number of elements, which the archive holds beside the pickle.</param>
internal sealed class PickleReader(byte[] pickle, Func<string, ElementType, long, Storage> storage)
{
    /// <summary>Something that Python would import. It is known by name alone.</summary>
    private sealed record Global(string Name);

    private const string OrderedDict = "collections.OrderedDict";
    private const string RebuildTensor = "torch._utils._rebuild_tensor_v2";
    private const string RebuildParameter = "torch._utils._rebuild_parameter";

    // Far more than any layer has; and a tuple can be used again and again, so its length alone does not bound the work.
    private const int MaxDimensions = 64;

    private const int MaxNameLength = 1000; // so that it can be told

    private static readonly Dictionary<string, ElementType> storageTypes = ElementType.All.ToDictionary(type => $"torch.{type.Storage}");
    private static readonly UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new(); // how high the stack was
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;

    /// <exception cref="InvalidDataException">It is damaged, or asks for more than a <c>state_dict</c> needs.</exception>
    public object? Read()
    {
        while (true)
        {
            var start = _position;
            try
            {
                var opcode = (PickleOpcode)Bytes(1)[0];
                if (opcode == PickleOpcode.Stop)
                    return Pop();
                Execute(opcode);
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException($"its pickle {e.Message} (at byte {start})", e);
            }
        }
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto:
                if (Bytes(1)[0] is var protocol and (< 2 or > 5))
                    throw new InvalidDataException($"is of protocol {protocol}, expected 2 to 5");
                break;
            case PickleOpcode.Frame:
                // How many bytes belong together, for whoever reads from a socket
                if (BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8)) is var length && length > (ulong)(pickle.Length - _position))
                    throw new InvalidDataException($"has a frame of {length:N0} bytes, expected at most the {pickle.Length - _position:N0} that follow");
                break;

            case PickleOpcode.None:
                _stack.Add(null);
                break;
            case PickleOpcode.NewTrue:
                _stack.Add(true);
                break;
            case PickleOpcode.NewFalse:
                _stack.Add(false);
                break;
            case PickleOpcode.BinInt1:
                _stack.Add((long)Bytes(1)[0]);
                break;
            case PickleOpcode.BinInt2:
                _stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2)));
                break;
            case PickleOpcode.BinInt:
                _stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4)));
                break;
            case PickleOpcode.Long1:
                _stack.Add(Long(Bytes(Bytes(1)[0])));
                break;
            case PickleOpcode.BinFloat:
                _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8)));
                break;
            case PickleOpcode.ShortBinUnicode:
                _stack.Add(Text(Bytes(Bytes(1)[0])));
                break;
            case PickleOpcode.BinUnicode:
                _stack.Add(Text(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))));
                break;
            case PickleOpcode.BinUnicode8:
                _stack.Add(Text(Bytes(BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8)))));
                break;

            case PickleOpcode.Mark:
                _marks.Push(_stack.Count);
                break;
            case PickleOpcode.Pop:
                // As in Python, a mark is an item too.
                if (_marks.TryPeek(out var mark) && mark == _stack.Count)
                    _marks.Pop();
                else
                    Pop();
                break;
            case PickleOpcode.PopMark:
                PopToMark();
                break;
            case PickleOpcode.Dup:
                _stack.Add(Peek());
                break;
            case PickleOpcode.BinPut:
                _memo[Bytes(1)[0]] = Peek();
                break;
            case PickleOpcode.LongBinPut:
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Peek();
                break;
            case PickleOpcode.Memoize:
                _memo[(uint)_memo.Count] = Peek();
                break;
            case PickleOpcode.BinGet:
                _stack.Add(Remembered(Bytes(1)[0]));
                break;
            case PickleOpcode.LongBinGet:
                _stack.Add(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))));
                break;

            case PickleOpcode.EmptyTuple:
                _stack.Add(Array.Empty<object?>());
                break;
            case PickleOpcode.Tuple1:
                _stack.Add(PopMany(1));
                break;
            case PickleOpcode.Tuple2:
                _stack.Add(PopMany(2));
                break;
            case PickleOpcode.Tuple3:
                _stack.Add(PopMany(3));
                break;
            case PickleOpcode.Tuple:
                _stack.Add(PopToMark());
                break;
            case PickleOpcode.EmptyList:
                _stack.Add(new List<object?>());
                break;
            case PickleOpcode.Append:
                var last = Pop();
                Peek<List<object?>>().Add(last);
                break;
            case PickleOpcode.Appends:
                var items = PopToMark();
                Peek<List<object?>>().AddRange(items);
                break;
            case PickleOpcode.EmptyDict:
                _stack.Add(new Dictionary<object, object?>());
                break;
            case PickleOpcode.SetItem:
                SetItems(PopMany(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(PopToMark());
                break;

            case PickleOpcode.Global:
                _stack.Add(Import(Line(), Line()));
                break;
            case PickleOpcode.StackGlobal:
                var name = Pop<string>();
                _stack.Add(Import(Pop<string>(), name));
                break;
            case PickleOpcode.BinPersId:
                _stack.Add(FindStorage(Pop<object?[]>()));
                break;
            case PickleOpcode.Reduce:
                var arguments = Pop<object?[]>();
                _stack.Add(Call(Pop<Global>().Name, arguments));
                break;
            case PickleOpcode.Build:
                // Attributes of an OrderedDict: a state_dict has _metadata, the versions of its modules.
                var attributes = Pop<Dictionary<object, object?>>();
                if (Peek<Dictionary<object, object?>>() is PickledOrderedDict ordered)
                    ordered.Attributes = attributes;
                break;

            default:
                throw new InvalidDataException($"has the instruction 0x{(byte)opcode:X2}, which a state_dict does not need");
        }
    }

    /// <summary>Nothing is looked up or run: a name is known or refused.</summary>
    private static Global Import(string module, string name)
    {
        var global = $"{module}.{name}";
        if (global.Length > MaxNameLength)
            throw new InvalidDataException($"asks for a name of {global.Length:N0} characters, expected at most {MaxNameLength}");
        if (global is OrderedDict or RebuildTensor or RebuildParameter || storageTypes.ContainsKey(global))
            return new Global(global);
        throw new InvalidDataException($"asks for {global}, which a state_dict does not need and which is not run; a file for this library is saved as torch.save(model.state_dict(), path)");
    }

    private static object Call(string function, object?[] arguments) => (function, arguments) switch
    {
        (OrderedDict, []) => new PickledOrderedDict(),
        // storage, offset, size, stride, requires_grad, backward_hooks and, since PyTorch 2, metadata
        (RebuildTensor, [Storage elements, long offset, object?[] size, object?[] stride, bool, Dictionary<object, object?>, .. { Length: <= 1 }]) =>
            View(elements, offset, Longs(size), Longs(stride)),
        // data, requires_grad, backward_hooks
        (RebuildParameter, [StoredTensor tensor, bool, Dictionary<object, object?>]) => tensor,
        _ => throw new InvalidDataException($"calls {function} with {Describe(arguments)}"),
    };

    private Storage FindStorage(object?[] id)
    {
        if (id is not ["storage", Global type, string key, string, long count] || !storageTypes.TryGetValue(type.Name, out var elementType))
            throw new InvalidDataException($"refers to {Describe(id)}, expected a storage: ('storage', type, key, location, number of elements)");
        return storage(key, elementType, count);
    }

    /// <summary>A view whose last element, too, lies within the storage.</summary>
    private static StoredTensor View(Storage elements, long offset, long[] shape, long[] strides)
    {
        var inside = shape.Length == strides.Length && offset >= 0 && offset <= elements.Count && !shape.Any(long.IsNegative) && !strides.Any(long.IsNegative);
        if (inside && !shape.Contains(0))
        {
            // Of two factors below 2^63; and it ends where the sum leaves the storage.
            var last = (Int128)offset;
            for (var i = 0; i < shape.Length && last < elements.Count; i++)
                last += (Int128)(shape[i] - 1) * strides[i];
            inside = last < elements.Count;
        }

        return inside
            ? new StoredTensor(elements, offset, shape, strides)
            : throw new InvalidDataException($"has a tensor of shape ({string.Join(", ", shape)}) and strides ({string.Join(", ", strides)}) that starts at element {offset}, expected one within its storage of {elements.Count} elements");
    }

    private static long[] Longs(object?[] items) =>
        items.Length <= MaxDimensions
            ? [.. items.Select(item => item is long number ? number : throw new InvalidDataException($"has {Describe(item)} in a shape or stride, expected an int"))]
            : throw new InvalidDataException($"has a tensor of {items.Length} dimensions, expected at most {MaxDimensions}");

    private void SetItems(object?[] items)
    {
        if (items.Length % 2 != 0)
            throw new InvalidDataException("has a dictionary with a key that has no value");
        var dictionary = Peek<Dictionary<object, object?>>();
        for (var i = 0; i < items.Length; i += 2)
        {
            if (items[i] is not (string or long))
                throw new InvalidDataException($"has a dictionary with {Describe(items[i])} for a key, expected a str or an int");
            if (!dictionary.TryAdd(items[i]!, items[i + 1]))
                throw new InvalidDataException($"has the key '{items[i]}' twice in a dictionary");
        }
    }

    private object? Remembered(uint index) =>
        _memo.TryGetValue(index, out var value) ? value : throw new InvalidDataException($"asks for object {index}, which it has not stored");

    /// <summary>Where the part of the stack ends that can be reached: at the last mark.</summary>
    private int Bottom => _marks.TryPeek(out var mark) ? mark : 0;

    private object? Peek() => _stack.Count > Bottom ? _stack[^1] : throw new InvalidDataException("takes more from its stack than is there");

    private T Peek<T>() => Peek() is T value ? value : throw new InvalidDataException($"has {Describe(Peek())} on its stack, which does not go with its next instruction");

    private object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private T Pop<T>()
    {
        var value = Peek<T>();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        if (_stack.Count - count < Bottom)
            throw new InvalidDataException("takes more from its stack than is there");
        object?[] items = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private object?[] PopToMark()
    {
        var items = PopMany(_stack.Count - Bottom);
        if (!_marks.TryPop(out _))
            throw new InvalidDataException("looks for a mark on its stack that is not there");
        return items;
    }

    private ReadOnlySpan<byte> Bytes(ulong count)
    {
        if (count > (ulong)(pickle.Length - _position))
            throw new InvalidDataException($"ends too early: expected {count:N0} more bytes, got {pickle.Length - _position:N0}");
        var bytes = pickle.AsSpan(_position, (int)count);
        _position += (int)count;
        return bytes;
    }

    private string Line()
    {
        var length = pickle.AsSpan(_position).IndexOf((byte)'\n');
        if (length < 0)
            throw new InvalidDataException("ends within a name");
        var line = Text(Bytes((ulong)length));
        _position++;
        return line;
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return utf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException("has text that is not UTF-8", e);
        }
    }

    /// <summary>A two's complement number of any length, which Python's int can hold.</summary>
    private static long Long(ReadOnlySpan<byte> bytes)
    {
        var number = new BigInteger(bytes);
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : throw new InvalidDataException($"has an int of {bytes.Length} bytes, expected one of at most 8");
    }

    /// <summary>What it is, in Python's words.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "None",
        bool => "a bool",
        long => "an int",
        double => "a float",
        string => "a str",
        object?[] { Length: 0 or > 10 } items => $"a tuple of {items.Length} items",
        object?[] items => $"a tuple of {string.Join(", ", items.Select(item => item is object?[] ? "a tuple" : Describe(item)))}",
        List<object?> => "a list",
        Dictionary<object, object?> => "a dict",
        Storage => "a storage",
        StoredTensor => "a tensor",
        Global global => global.Name,
        _ => throw new ArgumentException($"Expected what a pickle makes, got {value.GetType()}.", nameof(value)),
    };
}
