using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Contiguous elements in a file. One or more tensors are views of them.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Count">The number of elements.</param>
/// <param name="Position">The byte position in the file.</param>
/// <param name="Checksum">The CRC-32; null if the file has none.</param>
internal sealed record Storage(string Name, ElementType Type, long Count, long Position, uint? Checksum)
{
    /// <summary>The byte position in the file. In the legacy format it is known only after the tensors.</summary>
    public long Position { get; set; } = Position;

    /// <summary>A storage without elements.</summary>
    public static Storage None { get; } = new("", ElementType.All[0], Count: 0, Position: 0, Checksum: null);

    /// <summary>The constant value of all elements; null if they are in the file.</summary>
    public double? Value { get; private init; }

    /// <summary>Creates a storage of one constant element, which is not in the file.</summary>
    public static Storage CreateConstant(string name, double value) => new(name, ElementType.All[0], Count: 1, Position: 0, Checksum: null) { Value = value };

    /// <summary>Creates an uninitialized tensor of shape (Count) for the elements.</summary>
    public Tensor CreateTensor() => empty(Count, dtype: Type.Dtype, device: CPU);

    /// <summary>Reads the elements into a tensor. Safe to call from several threads with one file.</summary>
    /// <exception cref="InvalidDataException">The elements are damaged.</exception>
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

/// <summary>The part of a storage that a pickle refers to: the whole storage or, before PyTorch 0.4, a view of it.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Offset">The index of the first element.</param>
/// <param name="Count">The number of elements.</param>
internal sealed record StoragePart(Storage Storage, long Offset, long Count);

/// <summary>A tensor in a file: a view of a storage that is known to lie within it.</summary>
/// <param name="Storage">The storage with the elements.</param>
/// <param name="Offset">The index of the first element.</param>
/// <param name="Shape">The shape.</param>
/// <param name="Strides">The strides in elements.</param>
internal sealed record StoredTensor(Storage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>The kind of a tensor that no module can take, such as <c>F8_E4M3</c>; its shape is then invalid. Null for all other tensors.</summary>
    public string? Unloadable { get; private init; }

    /// <summary>Creates a placeholder for a kind of tensor that TorchSharp's modules do not have.</summary>
    public static StoredTensor CreateUnloadable(string kind) => new(Storage.None, 0, Shape: [-1], Strides: [0]) { Unloadable = kind };

    /// <summary>Creates a vector of equal elements.</summary>
    public static StoredTensor CreateConstant(string name, double value, long length) => new(Storage.CreateConstant(name, value), 0, Shape: [length], Strides: [0]);

    /// <summary>Whether both tensors are the same elements of the file.</summary>
    public bool IsSameAs(StoredTensor other) =>
        Storage == other.Storage && Offset == other.Offset && Shape.AsSpan().SequenceEqual(other.Shape) && Strides.AsSpan().SequenceEqual(other.Strides);

    /// <summary>The tensor as a scalar if <paramref name="shape"/> is one. PyTorch before 0.4 stored scalars as tensors of one element.</summary>
    public StoredTensor As(long[] shape) => shape is [] && Shape is [1] ? this with { Shape = [], Strides = [] } : this;

    /// <summary>The strides of a contiguous tensor.</summary>
    public static long[] ComputeContiguousStrides(long[] shape)
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
