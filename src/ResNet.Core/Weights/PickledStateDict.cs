using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace ResNet.Core.Weights;

/// <summary>A dictionary with tensors, anywhere in an object that <c>torch.save</c> pickled.</summary>
internal sealed class PickledStateDict : StoredStateDict
{
    private const int MaxSubscripts = 8; // in messages, since a file can have a million levels

    private readonly Dictionary<object, object?> _dictionary;
    private readonly Position _position;

    private PickledStateDict(Dictionary<object, object?> dictionary, Position position) => (_dictionary, _position) = (dictionary, position);

    /// <summary>An object and the path to it: its key or attribute in the parent.</summary>
    private sealed record Position(object Value, Position? Parent, object Key, bool IsAttribute);

    /// <summary>Finds every dictionary that has a tensor under a string key, breadth first.</summary>
    /// <exception cref="InvalidDataException">There is no such dictionary.</exception>
    /// <remarks>An object can be referenced many times. It is visited once, so that time is linear in the length of the file.</remarks>
    public static IReadOnlyList<PickledStateDict> FindIn(object? pickled)
    {
        var found = new List<PickledStateDict>();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var next = new Queue<Position>();
        Reach(pickled, parent: null, key: "");
        while (next.TryDequeue(out var position))
            if (GetDictionary(position.Value) is { } dictionary)
            {
                var hasTensor = false;
                foreach (var (key, value) in dictionary)
                {
                    Reach(value, position, key);
                    hasTensor |= key is string && value is StoredTensor;
                }
                if (hasTensor)
                    found.Add(new PickledStateDict(dictionary, position));
            }
            else if (position.Value is PickledObject instance)
            {
                foreach (var (name, value) in instance.Attributes!)
                    Reach(value, position, name, isAttribute: true);
            }
            else
            {
                var index = 0L;
                foreach (var item in (IEnumerable<object?>)position.Value)
                    Reach(item, position, index++);
            }
        return found.Count > 0 ? found : throw new InvalidDataException(PickledModel.Describe(pickled) ?? (pickled is Dictionary<object, object?> { Count: > 0 } root
            ? $"holds a dict with the keys {Names.Join([.. root.Keys.Select(key => key as string ?? PythonLiteral.Format(key))])}, expected tensors or a state_dict: torch.save(model.state_dict(), \"state_dict.pth\")"
            : $"holds {PickleReader.Describe(pickled)}, expected a state_dict: torch.save(model.state_dict(), \"state_dict.pth\")"));

        void Reach(object? value, Position? parent, object key, bool isAttribute = false)
        {
            if (IsContainer(value) && !IsSmallLeaf(value) && seen.Add(value))
                next.Enqueue(new Position(value, parent, key, isAttribute));
        }
    }

    private static Dictionary<object, object?>? GetDictionary(object value) => value as Dictionary<object, object?> ?? (value as PickledObject)?.Items;

    private static bool IsContainer([NotNullWhen(true)] object? value) =>
        value is Dictionary<object, object?> or List<object?> or object?[] or PickledObject { Items: not null } or PickledObject { Attributes: not null };

    /// <summary>Whether a small container visibly holds no tensors. A file can have a million of them, and remembering each would take more memory than they do.</summary>
    private static bool IsSmallLeaf(object container)
    {
        const int Small = 4;
        switch (container)
        {
            case Dictionary<object, object?> { Count: <= Small } dictionary:
                foreach (var (_, value) in dictionary) // does not allocate
                    if (IsOfInterest(value))
                        return false;
                return true;
            case object?[] { Length: <= Small } tuple:
                return !Array.Exists(tuple, IsOfInterest);
            case List<object?> { Count: <= Small } list:
                return !list.Exists(IsOfInterest);
            default:
                return false;
        }

        static bool IsOfInterest(object? value) => value is StoredTensor || IsContainer(value);
    }

    public override IEnumerable<(string Name, StoredTensor? Tensor)> Entries =>
        _dictionary.Select(entry => entry.Key is string name ? (name, entry.Value as StoredTensor) : (PythonLiteral.Format(entry.Key), null));

    public override string Place
    {
        get
        {
            var place = new StringBuilder();
            var position = _position;
            for (var i = 0; i < MaxSubscripts && position.Parent is not null; i++, position = position.Parent)
                place.Insert(0, position is { IsAttribute: true, Key: string name } ? $".{Names.Shorten(name)}" : $"[{PythonLiteral.Format(position.Key)}]");
            return position.Parent is null ? place.ToString() : $"[…]{place}";
        }
    }

    public override string? FindMetadata(string module, string key) =>
        (_dictionary as PickledOrderedDict)?.Attributes?.GetValueOrDefault(PickleWriter.MetadataAttribute) is Dictionary<object, object?> modules &&
        modules.GetValueOrDefault(module) is Dictionary<object, object?> entries
            ? entries.GetValueOrDefault(key) as string
            : null;

    protected override string FormatPythonToSave(Func<string, string> choose) =>
        $"torch.save({choose($"torch.load(path, map_location=\"cpu\"){Place}")}, \"one.pth\")";
}
