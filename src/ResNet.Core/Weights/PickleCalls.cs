namespace ResNet.Core.Weights;

/// <summary>
/// Interprets the imports and calls of a pickle. Calls that build a tensor or a dictionary are recognized and return one. Every other call returns a
/// <see cref="PickledObject"/>, or is refused by <see cref="PickleGlobals"/>. Nothing is looked up or run.
/// </summary>
/// <param name="memory">The memory budget.</param>
internal sealed class PickleCalls(PickleMemoryBudget memory)
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

    // PyTorch's own limit, far more than any layer has
    private const int MaxDimensions = 64;

    private const int MaxNameLength = 1000; // so that messages can show it

    private readonly Dictionary<string, PickledGlobal> _globals = [];
    private readonly Dictionary<object?[], long[]> _shapes = new(ReferenceEqualityComparer.Instance); // one tuple can be used many times

    /// <summary>Returns the name as an object. Nothing is looked up.</summary>
    /// <exception cref="InvalidDataException">The name is dangerous or too long.</exception>
    public PickledGlobal Import(string module, string name)
    {
        var global = PickleGlobals.ToPython3($"{module}.{name}");
        if (_globals.TryGetValue(global, out var known))
            return known;
        if (global.Length > MaxNameLength)
            throw new InvalidDataException($"asks for a name of {global.Length:N0} characters, expected at most {MaxNameLength}");
        if (global != GetAttribute && PickleGlobals.IsUnsafe(global))
            throw Refused($"{module}.{name}");
        memory.Charge(2 * PickleMemoryBudget.SmallObject + 2 * global.Length);
        memory.ChargeItem(_globals.Count);
        return _globals[global] = new PickledGlobal(global);
    }

    private static InvalidDataException Refused(string name) =>
        new($"asks for {Names.Shorten(name)}, which no weights need and which could run code; it was not run; save the weights as torch.save(model.state_dict(), \"state_dict.pth\")");

    /// <summary>Interprets a call.</summary>
    /// <param name="callable">A name, or a <c>functools.partial</c> of one, which Python uses to call a class with keyword arguments.</param>
    /// <param name="arguments">The arguments.</param>
    public object Call(object? callable, object?[] arguments) => callable switch
    {
        PickledGlobal function => Call(function, arguments),
        PickledObject { Type: Partial } => memory.CreateObject(Partial),
        _ => throw new InvalidDataException($"calls {PickleReader.Describe(callable)}"),
    };

    /// <summary>Interprets the call of a function: a known call, an opaque object, or refused.</summary>
    private object Call(PickledGlobal global, object?[] arguments)
    {
        var function = global.Name;
        switch (function, arguments)
        {
            case (OrderedDict, []):
                return memory.CreateOrderedDictionary();
            case (OrderedDict, [List<object?> items]): // Python 2
                return CreateOrderedDict(items);
            case (Counter or "builtins.dict", []) or (DefaultDict, [] or [_]):
                return memory.CreateDictionary();
            case (Counter, [Dictionary<object, object?> counts]):
                return counts;

            // storage, offset, size, stride; in v2 also requires_grad, backward_hooks and, since PyTorch 2, metadata
            case ($"{Rebuild}tensor", [StoragePart elements, long offset, object?[] size, object?[] stride]):
                return CreateView(elements, offset, ReadLongs(size), ReadLongs(stride));
            case (RebuildTensor, [StoragePart elements, long offset, object?[] size, object?[] stride, bool, null or Dictionary<object, object?>, .. { Length: <= 1 } metadata]):
                var view = CreateView(elements, offset, ReadLongs(size), ReadLongs(stride));
                // Metadata marks a tensor as negated or conjugated.
                return metadata is [] or [null] or [Dictionary<object, object?> { Count: 0 }] ? view : CreateUnloadable("lazily negated or conjugated tensor");
            case (RebuildTensor, [PickledObject elements, long, object?[], object?[], bool, null or Dictionary<object, object?>, .. { Length: <= 1 }]):
                return CreateUnloadable($"tensor of {elements.Type}");
            // data, requires_grad, backward_hooks and, in some files, attributes
            case (RebuildParameter or RebuildParameterWithState, [StoredTensor tensor, bool, null or Dictionary<object, object?>, .. { Length: <= 1 }]):
                return tensor;
            // Before PyTorch 0.4
            case (Parameter or "torch.autograd.variable.Variable", [StoredTensor tensor]):
                return tensor;
            // A tensor with attributes, or of a subclass that may interpret its elements differently
            case ("torch._tensor._rebuild_from_type_v2", [PickledGlobal { Name: RebuildTensor or RebuildParameter } inner, PickledGlobal { Name: "torch.Tensor" or Parameter }, object?[] innerArguments, _]):
                return Call(inner, innerArguments);
            case ("torch._tensor._rebuild_from_type_v2", [PickledGlobal, PickledGlobal type, object?[], _]):
                return CreateUnloadable($"tensor of class {type.Name}");
            case ($"{Rebuild}tensor_v3", [_, _, _, _, _, _, PickledGlobal dtype, ..]):
                return CreateUnloadable($"tensor of {dtype.Name}");
            case ($"{Rebuild}qtensor", _):
                return CreateUnloadable("quantized tensor");
            case ($"{Rebuild}meta_tensor_no_storage", _):
                return CreateUnloadable("meta tensor");
            case (RebuildTensor or RebuildParameter or OrderedDict, _):
                throw new InvalidDataException($"calls {function} with {PickleReader.Describe(arguments)}");

            // An enum member, as Python 3.11 writes it, or a method
            case (GetAttribute, [PickledGlobal owner, string name]):
                return Import(owner.Name, name);
            case (GetAttribute, [PickledObject, string]):
                return memory.CreateObject("method");
            case ("copyreg._reconstructor" or "copyreg.__newobj__" or "copyreg.__newobj_ex__" or "numpy.core.multiarray._reconstruct" or "numpy._core.multiarray._reconstruct", [PickledGlobal type, ..]):
                return memory.CreateObject(type.Name);
        }
        if (function.StartsWith(Rebuild, StringComparison.Ordinal))
            return CreateUnloadable(function[Rebuild.Length..].Replace('_', ' ')); // such as a sparse tensor
        return function != GetAttribute && !global.IsUnsafeCall ? memory.CreateObject(function) : throw Refused(function);
    }

    /// <summary>Whether a state is that of a <c>Variable</c> before PyTorch 0.4: <c>requires_grad</c>, <c>volatile</c> and hooks.</summary>
    public static bool IsStateOfVariable(object? state) => state is object?[] and [bool, bool, null or Dictionary<object, object?>];

    /// <summary>Creates a dictionary from a list of key-value pairs.</summary>
    private PickledOrderedDict CreateOrderedDict(List<object?> items)
    {
        var dictionary = memory.CreateOrderedDictionary();
        foreach (var item in items)
        {
            if (item is not IReadOnlyList<object?> { Count: 2 } pair)
                throw new InvalidDataException($"calls {OrderedDict} with {PickleReader.Describe(item)} in a list, expected a key and its value");
            memory.Add(dictionary, pair[0], pair[1]);
        }
        return dictionary;
    }

    private StoredTensor CreateUnloadable(string kind)
    {
        memory.Charge(2 * PickleMemoryBudget.TensorObject + PickleMemoryBudget.SmallObject + 2 * kind.Length);
        return StoredTensor.CreateUnloadable(Names.Shorten(kind));
    }

    /// <summary>Creates a view after checking that it lies within the storage.</summary>
    private StoredTensor CreateView(StoragePart elements, long offset, long[] shape, long[] strides)
    {
        var inside = shape.Length == strides.Length && offset >= 0 && offset <= elements.Count && !shape.Any(long.IsNegative) && !strides.Any(long.IsNegative);
        if (inside && !shape.Contains(0))
        {
            // Both factors are below 2^63, and the loop ends when the sum leaves the storage, so nothing overflows.
            var last = (Int128)offset;
            for (var i = 0; i < shape.Length && last < elements.Count; i++)
                last += (Int128)(shape[i] - 1) * strides[i];
            inside = last < elements.Count;
        }

        memory.Charge(PickleMemoryBudget.TensorObject);
        return inside
            ? new StoredTensor(elements.Storage, elements.Offset + offset, shape, strides)
            : throw new InvalidDataException($"has a tensor of shape ({Names.Shorten(string.Join(", ", shape))}) and strides ({Names.Shorten(string.Join(", ", strides))}) that starts at element {offset}, expected one within its storage of {elements.Count} elements");
    }

    /// <summary>Reads a shape or strides. The same tuple returns the same array.</summary>
    private long[] ReadLongs(object?[] items)
    {
        if (_shapes.TryGetValue(items, out var numbers))
            return numbers;
        if (items.Length > MaxDimensions)
            throw new InvalidDataException($"has a tensor of {items.Length} dimensions, expected at most {MaxDimensions}");
        memory.Charge(2 * PickleMemoryBudget.SmallObject + 8 * items.Length);
        memory.ChargeItem(_shapes.Count);
        numbers = [.. items.Select(item => item is long number ? number : throw new InvalidDataException($"has {PickleReader.Describe(item)} in a shape or stride, expected an int"))];
        _shapes.Add(items, numbers);
        return numbers;
    }
}
