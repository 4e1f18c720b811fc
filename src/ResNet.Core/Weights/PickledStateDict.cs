using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace ResNet.Core.Weights;

/// <summary>A dictionary with tensors in what torch.save pickled, wherever in it.</summary>
internal sealed class PickledStateDict : StateDict
{
    private const int MostSubscripts = 8; // in a message: a file can be nested a million times

    private readonly Dictionary<object, object?> _dictionary;
    private readonly Position _position;

    private PickledStateDict(Dictionary<object, object?> dictionary, Position position) => (_dictionary, _position) = (dictionary, position);

    /// <summary>An object and how it was reached: under a key, or as an attribute.</summary>
    private sealed record Position(object Value, Position? Parent, object Key, bool IsAttribute);

    /// <summary>Every dictionary with a tensor under a name, those that are nested less deep first.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    /// <remarks>One object can be in many places: each is looked at once, or the way would be longer than the file.</remarks>
    public static IReadOnlyList<PickledStateDict> FindIn(object? pickled)
    {
        var found = new List<PickledStateDict>();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var next = new Queue<Position>();
        Reach(pickled, parent: null, key: "");
        while (next.TryDequeue(out var position))
            if (Dictionary(position.Value) is { } dictionary)
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
        return found.Count > 0 ? found : throw new InvalidDataException(WholeModel.In(pickled) ?? (pickled is Dictionary<object, object?> { Count: > 0 } root
            ? $"holds a dict with the keys {Names.List([.. root.Keys.Select(key => key as string ?? PythonText.Of(key))])}, expected tensors, or a state_dict in it: torch.save(model.state_dict(), path)"
            : $"holds {PickleReader.Describe(pickled)}, expected a state_dict: torch.save(model.state_dict(), path)"));

        void Reach(object? value, Position? parent, object key, bool isAttribute = false)
        {
            if (IsContainer(value) && !IsSmallLeaf(value) && seen.Add(value))
                next.Enqueue(new Position(value, parent, key, isAttribute));
        }
    }

    private static Dictionary<object, object?>? Dictionary(object value) => value as Dictionary<object, object?> ?? (value as PickledObject)?.Items;

    private static bool IsContainer([NotNullWhen(true)] object? value) =>
        value is Dictionary<object, object?> or List<object?> or object?[] or PickledObject { Items: not null } or PickledObject { Attributes: not null };

    /// <summary>Whether it is known at a glance that there is nothing in it: a file can hold a million such, and to remember each would take more memory than they do.</summary>
    private static bool IsSmallLeaf(object container)
    {
        const int Small = 4;
        switch (container)
        {
            case Dictionary<object, object?> { Count: <= Small } dictionary:
                foreach (var (_, value) in dictionary) // which allocates nothing
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
        _dictionary.Select(entry => entry.Key is string name ? (name, entry.Value as StoredTensor) : (PythonText.Of(entry.Key), null));

    public override string Place
    {
        get
        {
            var place = new StringBuilder();
            var position = _position;
            for (var i = 0; i < MostSubscripts && position.Parent is not null; i++, position = position.Parent)
                place.Insert(0, position is { IsAttribute: true, Key: string name } ? $".{Names.Short(name)}" : $"[{PythonText.Of(position.Key)}]");
            return position.Parent is null ? place.ToString() : $"[…]{place}";
        }
    }

    public override string? Metadata(string module, string key) =>
        (_dictionary as PickledOrderedDict)?.Attributes?.GetValueOrDefault(PickleWriter.MetadataAttribute) is Dictionary<object, object?> modules &&
        modules.GetValueOrDefault(module) is Dictionary<object, object?> entries
            ? entries.GetValueOrDefault(key) as string
            : null;

    protected override string PythonToSave(Func<string, string> choose) =>
        $"torch.save({choose($"torch.load(path, map_location=\"cpu\"){Place}")}, \"one.pth\")";
}
