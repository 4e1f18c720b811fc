using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Unicode;

namespace ResNet.Core.Weights;

/// <summary>
/// Reads the pickle of a checkpoint. A pickle is a program for a stack machine, which in Python can call anything. Here it can only create numbers, strings,
/// tuples, lists, dictionaries and tensors. Every other object becomes a <see cref="PickledObject"/> that only knows the name of its class. A dangerous call
/// throws an exception that names it.
/// </summary>
/// <remarks>
/// A tuple becomes an <c>object?[]</c>, a list a <c>List&lt;object?&gt;</c>, a dictionary a <c>Dictionary&lt;object, object?&gt;</c>,
/// an int a <c>long</c>. The length of the pickle bounds memory and time. Nothing recurses, however deep the objects are nested.
/// </remarks>
/// <param name="bytes">One pickle or consecutive ones.</param>
/// <param name="memory">The memory budget.</param>
internal sealed class PickleReader(PickleBytes bytes, PickleMemoryBudget memory)
{
    private static readonly object @true = true, @false = false, unset = new();
    private static readonly object[] smallNumbers = [.. Enumerable.Range(0, 256).Select(number => (object)(long)number)];

    private static readonly UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = []; // stack heights
    private readonly List<object?> _memo = [];
    private readonly PickleCalls _calls = new(memory);

    /// <summary>Reads the next pickle.</summary>
    /// <param name="load">Resolves a persistent id, for example to a storage.</param>
    /// <exception cref="InvalidDataException">The pickle is damaged, or does more than a <c>state_dict</c> needs.</exception>
    public object? Read(Func<object?[], object> load)
    {
        _stack.Clear();
        _marks.Clear();
        _memo.Clear();
        while (true)
        {
            var start = bytes.Position;
            try
            {
                switch ((PickleOpcode)TakeBytes(1)[0])
                {
                    case PickleOpcode.Stop:
                        return Pop();
                    case PickleOpcode.BinPersId:
                        Push(load(Pop<object?[]>()));
                        break;
                    case var opcode:
                        Execute(opcode);
                        break;
                }
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
                if (TakeBytes(1)[0] is var protocol and (< 2 or > 5))
                    throw new InvalidDataException($"is of protocol {protocol}, expected 2 to 5");
                break;
            case PickleOpcode.Frame:
                // A frame only matters for reading from a stream in large blocks.
                if (BinaryPrimitives.ReadUInt64LittleEndian(TakeBytes(8)) is var length && length > (ulong)bytes.Left)
                    throw new InvalidDataException($"has a frame of {length:N0} bytes, expected at most the {bytes.Left:N0} that follow");
                break;

            case PickleOpcode.None:
                Push(null);
                break;
            case PickleOpcode.NewTrue:
                Push(@true);
                break;
            case PickleOpcode.NewFalse:
                Push(@false);
                break;
            case PickleOpcode.BinInt1:
                Push(smallNumbers[TakeBytes(1)[0]]);
                break;
            case PickleOpcode.BinInt2:
                PushNew((long)BinaryPrimitives.ReadUInt16LittleEndian(TakeBytes(2)));
                break;
            case PickleOpcode.BinInt:
                PushNew((long)BinaryPrimitives.ReadInt32LittleEndian(TakeBytes(4)));
                break;
            case PickleOpcode.Long1:
                PushNew(DecodeLong(TakeBytes(TakeBytes(1)[0])));
                break;
            case PickleOpcode.Long4:
                PushNew(DecodeLong(TakeBytes(BinaryPrimitives.ReadUInt32LittleEndian(TakeBytes(4)))));
                break;
            case PickleOpcode.Int:
            case PickleOpcode.Long:
                PushNew(ParseNumber(TakeLine()));
                break;
            case PickleOpcode.BinFloat:
                PushNew(BinaryPrimitives.ReadDoubleBigEndian(TakeBytes(8)));
                break;
            case PickleOpcode.ShortBinUnicode:
                Push(DecodeTextOrObject(TakeBytes(TakeBytes(1)[0])));
                break;
            case PickleOpcode.BinUnicode:
                Push(DecodeTextOrObject(TakeBytes(BinaryPrimitives.ReadUInt32LittleEndian(TakeBytes(4)))));
                break;
            case PickleOpcode.ShortBinString:
                Push(DecodeTextOrBytes(TakeBytes(TakeBytes(1)[0])));
                break;
            case PickleOpcode.BinString:
                Push(DecodeTextOrBytes(TakeBytes(BinaryPrimitives.ReadUInt32LittleEndian(TakeBytes(4)))));
                break;
            case PickleOpcode.BinUnicode8:
                Push(DecodeTextOrObject(TakeBytes(BinaryPrimitives.ReadUInt64LittleEndian(TakeBytes(8)))));
                break;
            case PickleOpcode.ShortBinBytes:
                PushBytes(TakeBytes(1)[0], "bytes");
                break;
            case PickleOpcode.BinBytes:
                PushBytes(BinaryPrimitives.ReadUInt32LittleEndian(TakeBytes(4)), "bytes");
                break;
            case PickleOpcode.BinBytes8:
                PushBytes(BinaryPrimitives.ReadUInt64LittleEndian(TakeBytes(8)), "bytes");
                break;
            case PickleOpcode.ByteArray8:
                PushBytes(BinaryPrimitives.ReadUInt64LittleEndian(TakeBytes(8)), "bytearray");
                break;

            case PickleOpcode.Mark:
                Add(_marks, _stack.Count);
                break;
            case PickleOpcode.Pop:
                // As in Python, a mark counts as an item.
                if (_marks.Count > 0 && _marks[^1] == _stack.Count)
                    _marks.RemoveAt(_marks.Count - 1);
                else
                    Pop();
                break;
            case PickleOpcode.PopMark:
                RemoveFrom(PopMark());
                break;
            case PickleOpcode.Dup:
                Push(Peek());
                break;
            case PickleOpcode.BinPut:
                Remember(TakeBytes(1)[0]);
                break;
            case PickleOpcode.LongBinPut:
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(TakeBytes(4)));
                break;
            case PickleOpcode.Memoize:
                Remember((uint)_memo.Count);
                break;
            case PickleOpcode.BinGet:
                Push(Recall(TakeBytes(1)[0]));
                break;
            case PickleOpcode.LongBinGet:
                Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(TakeBytes(4))));
                break;

            case PickleOpcode.EmptyTuple:
                Push(Array.Empty<object?>());
                break;
            case PickleOpcode.Tuple1:
                Push(PopTuple(_stack.Count - 1));
                break;
            case PickleOpcode.Tuple2:
                Push(PopTuple(_stack.Count - 2));
                break;
            case PickleOpcode.Tuple3:
                Push(PopTuple(_stack.Count - 3));
                break;
            case PickleOpcode.Tuple:
                Push(PopTuple(PopMark()));
                break;
            case PickleOpcode.EmptyList:
                PushNew(new List<object?>());
                break;
            case PickleOpcode.Append:
                AppendItems(FindFirst(1));
                break;
            case PickleOpcode.Appends:
                AppendItems(PopMark());
                break;
            case PickleOpcode.EmptyDict:
                Push(memory.CreateDictionary());
                break;
            case PickleOpcode.SetItem:
                SetItems(FindFirst(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(PopMark());
                break;
            case PickleOpcode.EmptySet:
                PushNew(new PickledObject("set"));
                break;
            case PickleOpcode.AddItems:
                RemoveFrom(PopMark());
                Peek<PickledObject>();
                break;
            case PickleOpcode.FrozenSet:
                RemoveFrom(PopMark());
                PushNew(new PickledObject("frozenset"));
                break;

            case PickleOpcode.Global:
                Push(_calls.Import(TakeLine(), TakeLine()));
                break;
            case PickleOpcode.StackGlobal:
                var name = Pop<string>();
                Push(_calls.Import(Pop<string>(), name));
                break;
            case PickleOpcode.Reduce:
                var arguments = Pop<object?[]>();
                Push(_calls.Call(Pop(), arguments));
                break;
            case PickleOpcode.Obj:
                // An instance of an old-style class of Python 2
                Push(PopTuple(PopMark()) is [var type, .. var given] ? _calls.Call(type, given) : throw TakesTooMuch());
                break;
            case PickleOpcode.NewObj:
                Pop<object?[]>();
                PushNew(new PickledObject(Pop<PickledGlobal>().Name));
                break;
            case PickleOpcode.NewObjEx:
                Pop<Dictionary<object, object?>>();
                goto case PickleOpcode.NewObj;
            case PickleOpcode.Build:
                var state = Pop();
                if (Peek() is PickledObject instance)
                    instance.SetState(state);
                else if (Peek() is StoredTensor && PickleCalls.IsStateOfVariable(state))
                    break;
                else if (state is not Dictionary<object, object?> attributes || Peek() is not Dictionary<object, object?>)
                    throw Misplaced(state is Dictionary<object, object?> ? Peek() : state);
                // An OrderedDict with attributes: the _metadata of a state_dict holds module versions and this library's network metadata.
                else if (Peek() is PickledOrderedDict ordered)
                    ordered.Attributes = attributes;
                break;

            default:
                throw new InvalidDataException($"has the instruction 0x{(byte)opcode:X2}, which a state_dict does not need");
        }
    }

    /// <summary>Pops the items from <paramref name="first"/> on and appends them to the list below them.</summary>
    private void AppendItems(int first)
    {
        if (PeekBelow(first) is List<object?> list)
        {
            for (var i = first; i < _stack.Count; i++)
                Add(list, _stack[i]);
        }
        else if (PeekBelow(first) is not PickledObject)
        {
            throw Misplaced(PeekBelow(first));
        }
        RemoveFrom(first);
    }

    /// <summary>Pops the keys and values from <paramref name="first"/> on and adds them to the dictionary below them.</summary>
    private void SetItems(int first)
    {
        if ((_stack.Count - first) % 2 != 0)
            throw new InvalidDataException("has a dictionary key without a value");
        var dictionary = PeekBelow(first) switch
        {
            Dictionary<object, object?> known => known,
            PickledObject instance => instance.Items ??= memory.CreateDictionary(), // of a class derived from dict
            var other => throw Misplaced(other),
        };
        for (var i = first; i < _stack.Count; i += 2)
            memory.Add(dictionary, _stack[i], _stack[i + 1]);
        RemoveFrom(first);
    }

    private void Remember(uint index)
    {
        // Python numbers the objects consecutively, and each takes at least a byte.
        if (index > bytes.Position)
            throw new InvalidDataException($"stores an object under {index}, expected at most {bytes.Position}");
        var value = Peek();
        while (_memo.Count <= index)
            Add(_memo, unset);
        _memo[(int)index] = value;
    }

    private object? Recall(uint index) =>
        index < _memo.Count && _memo[(int)index] != unset ? _memo[(int)index] : throw new InvalidDataException($"asks for object {index}, which it has not stored");

    private void Add<T>(List<T> list, T item)
    {
        // The capacity doubles, and the old array stays until the next garbage collection.
        if (list.Count == list.Capacity)
            memory.ChargeGrowth(list.Capacity);
        list.Add(item);
    }

    private void Push(object? value) => Add(_stack, value);

    private void PushNew(object value)
    {
        memory.Charge(value is PickledObject ? PickleMemoryBudget.PickledObject : PickleMemoryBudget.SmallObject);
        Push(value);
    }

    /// <summary>Skips bytes, since they never hold a tensor's elements.</summary>
    private void PushBytes(ulong count, string type)
    {
        TakeBytes(count);
        PushNew(new PickledObject(type));
    }

    /// <summary>The lowest stack position that can be reached: the last mark.</summary>
    private int Bottom => _marks.Count > 0 ? _marks[^1] : 0;

    private object? Peek() => _stack.Count > Bottom ? _stack[^1] : throw TakesTooMuch();

    private T Peek<T>() => Peek() is T value ? value : throw Misplaced(Peek());

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

    /// <summary>The position of the first of the last <paramref name="count"/> items.</summary>
    private int FindFirst(int count) => _stack.Count - count >= Bottom ? _stack.Count - count : throw TakesTooMuch();

    /// <summary>Removes the last mark and returns the position of the first item after it.</summary>
    private int PopMark()
    {
        if (_marks.Count == 0)
            throw new InvalidDataException("needs a mark on its stack, which has none");
        var first = Bottom;
        _marks.RemoveAt(_marks.Count - 1);
        return first;
    }

    private object? PeekBelow(int first) => first > Bottom ? _stack[first - 1] : throw TakesTooMuch();

    private void RemoveFrom(int first) => _stack.RemoveRange(first, _stack.Count - first);

    private object?[] PopTuple(int first)
    {
        if (first < Bottom)
            throw TakesTooMuch();
        if (first == _stack.Count)
            return [];
        memory.Charge(PickleMemoryBudget.SmallObject + 8 * (_stack.Count - first));
        object?[] items = [.. _stack[first..]];
        RemoveFrom(first);
        return items;
    }

    private static InvalidDataException TakesTooMuch() => new("takes more from its stack than it holds");

    private static InvalidDataException Misplaced(object? value) => new($"has {Describe(value)} on its stack, which its next instruction cannot use");

    private ReadOnlySpan<byte> TakeBytes(ulong count) => bytes.Take(count);

    private string TakeLine() => DecodeText(bytes.TakeLine());

    /// <summary>A Python string can hold half a surrogate pair, for example in a file name that is not UTF-8. .NET cannot decode that, and no tensor is named so.</summary>
    private object DecodeTextOrObject(ReadOnlySpan<byte> value)
    {
        for (var i = value.IndexOf((byte)0xed); i >= 0 && i + 1 < value.Length; i++)
            if (value[i] == 0xed && value[i + 1] >= 0xa0)
                return memory.CreateObject("str");
        return DecodeText(value);
    }

    /// <summary>Python 2 has a single type for text and bytes.</summary>
    private object DecodeTextOrBytes(ReadOnlySpan<byte> value) => Utf8.IsValid(value) ? DecodeText(value) : memory.CreateObject("str");

    private string DecodeText(ReadOnlySpan<byte> value)
    {
        memory.Charge(PickleMemoryBudget.SmallObject);
        memory.Charge(2 * Math.Min(value.Length, PickleMemoryBudget.AtMost)); // two bytes per character
        try
        {
            return utf8.GetString(value);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException("has text that is not UTF-8", e);
        }
    }

    /// <summary>Reads a two's complement integer of any length. One of more than 64 bits becomes an opaque object, since no shape needs it.</summary>
    private static object DecodeLong(ReadOnlySpan<byte> digits)
    {
        if (digits.Length > sizeof(long) + 1)
            return new PickledObject("int");
        var number = new BigInteger(digits);
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : new PickledObject("int");
    }

    /// <summary>Parses a decimal integer of protocol 1, such as <c>12L</c>, or <c>01</c> for True.</summary>
    private static object ParseNumber(string line) => line switch
    {
        "00" => @false,
        "01" => @true,
        _ when long.TryParse(line.AsSpan().TrimEnd('L'), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        _ when line.Length > 19 && !line.AsSpan().TrimStart('-').TrimEnd('L').ContainsAnyExceptInRange('0', '9') => new PickledObject("int"),
        _ => throw new InvalidDataException($"has a number '{Names.Shorten(line)}', expected digits"),
    };

    /// <summary>Describes a value by its Python type.</summary>
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
        StoragePart => "a storage",
        StoredTensor => "a tensor",
        PickledGlobal global => Names.Shorten(global.Name),
        PickledObject { IsModule: true } model => $"a whole pickled model (class {Names.Shorten(model.Type)})",
        PickledObject instance => $"an object of class {Names.Shorten(instance.Type)}",
        _ => throw new ArgumentException($"Expected a pickled value, got {value.GetType()}.", nameof(value)),
    };
}
