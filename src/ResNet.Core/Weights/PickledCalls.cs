namespace ResNet.Core.Weights;

/// <summary>
/// What a pickle asks Python for: names and calls. A call of what builds a tensor or a dictionary gives one; every other gives
/// a <see cref="PickledObject"/>, or is refused by <see cref="PickledNames"/>. Nothing is looked up or run.
/// </summary>
/// <param name="memory">Where every object is counted.</param>
internal sealed class PickledCalls(PickleMemory memory)
{
    private const string OrderedDict = "collections.OrderedDict";
    private const string DefaultDict = "collections.defaultdict";
    private const string Counter = "collections.Counter";
    private const string Partial = "functools.partial";
    private const string GetAttribute = "builtins.getattr";
    private const string Rebuild = "torch._utils._rebuild_";
    private const string RebuildTensor = $"{Rebuild}tensor_v2";
    private const string RebuildParameter = $"{Rebuild}parameter";
    private const string Parameter = "torch.nn.parameter.Parameter";
    private const string RebuildParameterWithState = $"{Rebuild}parameter_with_state";

    // PyTorch's own limit, and far more than any layer has
    private const int MaxDimensions = 64;

    private const int MaxNameLength = 1000; // so that it can be told

    private readonly Dictionary<string, PickledGlobal> _globals = [];
    private readonly Dictionary<object?[], long[]> _shapes = new(ReferenceEqualityComparer.Instance); // a tuple can be used again and again

    /// <summary>Nothing is looked up: a name is all that it is.</summary>
    public PickledGlobal Import(string module, string name)
    {
        var global = PickledNames.Modern($"{module}.{name}");
        if (_globals.TryGetValue(global, out var known))
            return known;
        if (global.Length > MaxNameLength)
            throw new InvalidDataException($"asks for a name of {global.Length:N0} characters, expected at most {MaxNameLength}");
        if (global != GetAttribute && PickledNames.Acts(global))
            throw Refused($"{module}.{name}");
        memory.Charge(2 * PickleMemory.SmallObject + 2 * global.Length);
        memory.ChargeItem(_globals.Count);
        return _globals[global] = new PickledGlobal(global);
    }

    private static InvalidDataException Refused(string name) =>
        new($"asks for {Names.Short(name)}, which no weights need and which could act when it is called; it is not run; a file for this library is saved as torch.save(model.state_dict(), path)");

    /// <param name="callable">A name, or a functools.partial of one, which Python's own pickles call where a class wants keywords.</param>
    /// <param name="arguments">What it is called with.</param>
    public object Call(object? callable, object?[] arguments) => callable switch
    {
        PickledGlobal function => Call(function, arguments),
        PickledObject { Type: Partial } => memory.NewObject(Partial),
        _ => throw new InvalidDataException($"calls {PickleReader.Describe(callable)}"),
    };

    /// <summary>What the call of a function gives. Nothing is run: a call is known, or stands for an object, or is refused.</summary>
    private object Call(PickledGlobal global, object?[] arguments)
    {
        var function = global.Name;
        switch (function, arguments)
        {
            case (OrderedDict, []):
                return memory.NewOrderedDictionary();
            case (OrderedDict, [List<object?> items]): // of Python 2
                return OrderedDictOf(items);
            case (Counter or "builtins.dict", []) or (DefaultDict, [] or [_]):
                return memory.NewDictionary();
            case (Counter, [Dictionary<object, object?> counts]):
                return counts;

            // storage, offset, size, stride, and in the second version requires_grad, backward_hooks and, since PyTorch 2, metadata
            case ($"{Rebuild}tensor", [StoragePart elements, long offset, object?[] size, object?[] stride]):
                return View(elements, offset, Longs(size), Longs(stride));
            case (RebuildTensor, [StoragePart elements, long offset, object?[] size, object?[] stride, bool, null or Dictionary<object, object?>, .. { Length: <= 1 } metadata]):
                var view = View(elements, offset, Longs(size), Longs(stride));
                // What it says is that the numbers are to be negated or conjugated before they are used.
                return metadata is [] or [null] or [Dictionary<object, object?> { Count: 0 }] ? view : NewUnloadable("tensor that is negated or conjugated when it is read");
            case (RebuildTensor, [PickledObject elements, long, object?[], object?[], bool, null or Dictionary<object, object?>, .. { Length: <= 1 }]):
                return NewUnloadable($"tensor of {elements.Type}");
            // data, requires_grad, backward_hooks and, where it has any, attributes
            case (RebuildParameter or RebuildParameterWithState, [StoredTensor tensor, bool, null or Dictionary<object, object?>, .. { Length: <= 1 }]):
                return tensor;
            // Before PyTorch 0.4
            case (Parameter or "torch.autograd.variable.Variable", [StoredTensor tensor]):
                return tensor;
            // A tensor with attributes, or of a class that may read its numbers otherwise
            case ("torch._tensor._rebuild_from_type_v2", [PickledGlobal { Name: RebuildTensor or RebuildParameter } inner, PickledGlobal { Name: "torch.Tensor" or Parameter }, object?[] innerArguments, _]):
                return Call(inner, innerArguments);
            case ("torch._tensor._rebuild_from_type_v2", [PickledGlobal, PickledGlobal type, object?[], _]):
                return NewUnloadable($"tensor of class {type.Name}");
            case ($"{Rebuild}tensor_v3", [_, _, _, _, _, _, PickledGlobal dtype, ..]):
                return NewUnloadable($"tensor of {dtype.Name}");
            case ($"{Rebuild}qtensor", _):
                return NewUnloadable("quantized tensor");
            case ($"{Rebuild}meta_tensor_no_storage", _):
                return NewUnloadable("meta tensor");
            case (RebuildTensor or RebuildParameter or OrderedDict, _):
                throw new InvalidDataException($"calls {function} with {PickleReader.Describe(arguments)}");

            // A member of an enum, as Python 3.11 writes it, or a method
            case (GetAttribute, [PickledGlobal owner, string name]):
                return Import(owner.Name, name);
            case (GetAttribute, [PickledObject, string]):
                return memory.NewObject("method");
            case ("copyreg._reconstructor" or "copyreg.__newobj__" or "copyreg.__newobj_ex__" or "numpy.core.multiarray._reconstruct" or "numpy._core.multiarray._reconstruct", [PickledGlobal type, ..]):
                return memory.NewObject(type.Name);
        }
        if (function.StartsWith(Rebuild, StringComparison.Ordinal))
            return NewUnloadable(function[Rebuild.Length..].Replace('_', ' ')); // such as a sparse tensor
        return function != GetAttribute && !global.ActsWhenCalled ? memory.NewObject(function) : throw Refused(function);
    }

    /// <summary>Whether an object's state is that of a parameter before PyTorch 0.4: <c>requires_grad</c>, <c>volatile</c> and hooks.</summary>
    public static bool IsStateOfVariable(object? state) => state is object?[] and [bool, bool, null or Dictionary<object, object?>];

    /// <summary>Of lists, each of a key and its value.</summary>
    private PickledOrderedDict OrderedDictOf(List<object?> items)
    {
        var dictionary = memory.NewOrderedDictionary();
        foreach (var item in items)
        {
            if (item is not IReadOnlyList<object?> { Count: 2 } pair)
                throw new InvalidDataException($"calls {OrderedDict} with {PickleReader.Describe(item)} in a list, expected a key and its value");
            memory.Add(dictionary, pair[0], pair[1]);
        }
        return dictionary;
    }

    private StoredTensor NewUnloadable(string kind)
    {
        memory.Charge(2 * PickleMemory.TensorObject + PickleMemory.SmallObject + 2 * kind.Length);
        return StoredTensor.NotLoadable(Names.Short(kind));
    }

    /// <summary>A view whose last element, too, lies within the storage.</summary>
    private StoredTensor View(StoragePart elements, long offset, long[] shape, long[] strides)
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

        memory.Charge(PickleMemory.TensorObject);
        return inside
            ? new StoredTensor(elements.Storage, elements.Offset + offset, shape, strides)
            : throw new InvalidDataException($"has a tensor of shape ({Names.Short(string.Join(", ", shape))}) and strides ({Names.Short(string.Join(", ", strides))}) that starts at element {offset}, expected one within its storage of {elements.Count} elements");
    }

    /// <summary>A shape or strides. The same tuple gives the same array.</summary>
    private long[] Longs(object?[] items)
    {
        if (_shapes.TryGetValue(items, out var numbers))
            return numbers;
        if (items.Length > MaxDimensions)
            throw new InvalidDataException($"has a tensor of {items.Length} dimensions, expected at most {MaxDimensions}");
        memory.Charge(2 * PickleMemory.SmallObject + 8 * items.Length);
        memory.ChargeItem(_shapes.Count);
        numbers = [.. items.Select(item => item is long number ? number : throw new InvalidDataException($"has {PickleReader.Describe(item)} in a shape or stride, expected an int"))];
        _shapes.Add(items, numbers);
        return numbers;
    }
}
