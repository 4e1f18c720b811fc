using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Consecutive elements in a file, which one tensor or several are views of.</summary>
/// <param name="Name">What the file calls them.</param>
/// <param name="Type">The elements' type.</param>
/// <param name="Count">How many elements there are.</param>
/// <param name="Position">Where in the file they begin, in bytes.</param>
/// <param name="Checksum">Their CRC-32, or null if the file has none.</param>
internal sealed record Storage(string Name, ElementType Type, long Count, long Position, uint? Checksum)
{
    /// <summary>Where in the file they begin, in bytes. In some files it is known only when the tensors are.</summary>
    public long Position { get; set; } = Position;

    /// <summary>No elements.</summary>
    public static Storage None { get; } = new("", ElementType.All[0], Count: 0, Position: 0, Checksum: null);

    /// <summary>What all elements are, where that is known without the file. Else null.</summary>
    public double? Value { get; private init; }

    /// <summary>One element that no file holds.</summary>
    public static Storage Constant(string name, double value) => new(name, ElementType.All[0], Count: 1, Position: 0, Checksum: null) { Value = value };

    /// <summary>A new tensor of shape (Count) for the elements, uninitialised.</summary>
    public Tensor Empty() => empty(Count, dtype: Type.Dtype, device: CPU);

    /// <summary>Fills it with the elements. Several threads may do so with one file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged there.</exception>
    public void ReadInto(Tensor tensor, SafeFileHandle file)
    {
        if (Value is { } value)
            tensor.fill_(value);
        else if (Checksum is null)
            tensor.ReadFrom(file, Position, copy: Stream.Null);
        else
            Crc32.Check(Name, Checksum.Value, checksum => tensor.ReadFrom(file, Position, checksum));
    }
}

/// <summary>Elements of a storage that a pickle takes for one: all of them, or, in files of PyTorch before 0.4, those from one on.</summary>
/// <param name="Storage">Where they are.</param>
/// <param name="Offset">Index of the first.</param>
/// <param name="Count">How many there are.</param>
internal sealed record StoragePart(Storage Storage, long Offset, long Count);

/// <summary>A tensor in a file: a view of a storage. It is known to lie within it.</summary>
/// <param name="Storage">Where its elements are.</param>
/// <param name="Offset">Index of its first element.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Strides">By how many elements the index grows with each dimension.</param>
internal sealed record StoredTensor(Storage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>What kind of tensor it is where that is none of <see cref="ElementType.All"/>, such as <c>F8_E4M3</c>; then nothing else is known of it, and its shape is no module's. Else null.</summary>
    public string? Unloadable { get; private init; }

    /// <summary>A tensor of a kind that no module of TorchSharp's has.</summary>
    public static StoredTensor NotLoadable(string kind) => new(Storage.None, 0, Shape: [-1], Strides: [0]) { Unloadable = kind };

    /// <summary>A vector whose elements are all the same.</summary>
    public static StoredTensor Constant(string name, double value, long length) => new(Storage.Constant(name, value), 0, Shape: [length], Strides: [0]);

    /// <summary>Whether both are the same elements of the file.</summary>
    public bool IsSameAs(StoredTensor other) =>
        Storage == other.Storage && Offset == other.Offset && Shape.AsSpan().SequenceEqual(other.Shape) && Strides.AsSpan().SequenceEqual(other.Strides);

    /// <summary>As a tensor of that shape, where PyTorch takes it for one: before 0.4 it had no tensors without dimensions, but one of a single element.</summary>
    public StoredTensor As(long[] shape) => shape is [] && Shape is [1] ? this with { Shape = [], Strides = [] } : this;

    /// <summary>The strides of a tensor whose elements lie in order, without gaps.</summary>
    public static long[] ContiguousStrides(long[] shape)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }
        return strides;
    }
}
