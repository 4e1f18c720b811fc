using ResNet.Core.Onnx;

namespace ResNet.Core.Weights.Onnx;

/// <summary>A tensor as the file stores it: an initializer, or the value of a Constant.</summary>
/// <param name="Name">The name; empty in a Constant.</param>
/// <param name="DataType">The type of the elements.</param>
/// <param name="Shape">The dims, not yet checked.</param>
/// <param name="Position">The byte position of the elements in the file.</param>
/// <param name="Length">The length of the elements in bytes.</param>
/// <param name="Encoding">The encoding of the elements.</param>
internal sealed record TensorProto(string Name, OnnxDataType DataType, long[] Shape, long Position, long Length, TensorEncoding Encoding)
{
    private const int MaxDimensions = 8; // a convolution's weights have four

    /// <summary>Reads the description of a tensor, but not its elements.</summary>
    /// <exception cref="InvalidDataException">The tensor is damaged.</exception>
    public static TensorProto Read(ProtoFields fields)
    {
        var (name, dataType, dims) = ("", default(OnnxDataType), new List<long>());
        (long Position, long Length) place = default;
        (TensorEncoding Encoding, OnnxDataType? OfType)? elements = null;
        var isElsewhere = false;
        while (fields.MoveNext())
            switch (fields.Number)
            {
                case TensorFields.Dims:
                    fields.ReadInto(dims, MaxDimensions);
                    break;
                case TensorFields.DataType:
                    dataType = (OnnxDataType)fields.ReadInt64();
                    break;
                case TensorFields.FloatData:
                    ReadElements(ref fields, TensorEncoding.Bytes, OnnxDataType.Float);
                    break;
                case TensorFields.Int32Data or TensorFields.StringData or TensorFields.UInt64Data:
                    elements = (TensorEncoding.Other, null);
                    break;
                case TensorFields.Int64Data:
                    ReadElements(ref fields, TensorEncoding.Varints, OnnxDataType.Int64);
                    break;
                case TensorFields.Name:
                    name = fields.ReadString();
                    break;
                case TensorFields.RawData:
                    ReadElements(ref fields, TensorEncoding.Bytes, ofType: null);
                    break;
                case TensorFields.DoubleData:
                    ReadElements(ref fields, TensorEncoding.Bytes, OnnxDataType.Double);
                    break;
                case TensorFields.ExternalData:
                    isElsewhere = true;
                    break;
                case TensorFields.DataLocation:
                    isElsewhere |= fields.ReadInt64() != 0;
                    break;
            }
        var encoding = isElsewhere ? TensorEncoding.OtherFile
            : elements is null ? TensorEncoding.Bytes
            : elements.Value.OfType is { } type && type != dataType ? TensorEncoding.Other
            : elements.Value.Encoding;
        return new TensorProto(name, dataType, [.. dims], place.Position, place.Length, encoding);

        // The format also allows unpacked numbers and elements in two fields, which no known writer produces.
        void ReadElements(ref ProtoFields field, TensorEncoding encoding, OnnxDataType? ofType) =>
            (elements, place) = elements is null && field.IsBytes ? ((encoding, ofType), field.GetRange()) : ((TensorEncoding.Other, null), default);
    }

    /// <summary>The tensor's elements in the file.</summary>
    /// <param name="use">The role of the tensor, for messages.</param>
    /// <exception cref="InvalidDataException">The elements are not floating-point numbers, are not in this file, or do not match the shape.</exception>
    public StoredTensor GetElements(string use)
    {
        if (Encoding == TensorEncoding.OtherFile)
            throw new InvalidDataException($"is an ONNX model whose tensors are in another file, such as {use}, expected them in this one; merge them in Python: onnx.save(onnx.load(path), \"one.onnx\")");
        if (ElementType.All.FirstOrDefault(known => known.Onnx == DataType) is not { IsFloatingPoint: true } type)
            throw new InvalidDataException($"is an ONNX model with elements of data type {(long)DataType} as {use}, expected floating-point numbers");
        if (Encoding != TensorEncoding.Bytes)
            throw new InvalidDataException($"is an ONNX model with {use} as unpacked numbers or integers, expected raw_data, or packed float_data or double_data; write it again in Python: from onnx import numpy_helper; m = onnx.load(path); [t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t), t.name)) for t in m.graph.initializer]; onnx.save(m, \"one.onnx\")");
        if (Count() is var count && count * type.Size != Length)
            throw new InvalidDataException($"is an ONNX model with {use} of shape ({string.Join(", ", Shape)}), expected {count * type.Size} bytes of {type.Dtype}, got {Length}");
        return new StoredTensor(new Storage(Name, type, Length / type.Size, Position, Checksum: null), Offset: 0, Shape, StoredTensor.ComputeContiguousStrides(Shape));
    }

    /// <summary>The values of a small int64 tensor, such as axes; null for other tensors.</summary>
    public long[]? ReadNumbers(ProtoReader reader)
    {
        const int Most = 16;
        var count = Count();
        if (DataType != OnnxDataType.Int64 || count > Most)
            return null;
        if (Encoding is not TensorEncoding.Varints && (Encoding is not TensorEncoding.Bytes || Length != count * sizeof(long)))
            return null;
        reader.Position = Position;
        var (numbers, end) = (new List<long>(), Position + Length);
        while (reader.Position < end && numbers.Count <= Most)
            numbers.Add(Encoding == TensorEncoding.Varints ? (long)reader.ReadVarint(end) : reader.ReadInt64(end));
        return numbers.Count == count ? [.. numbers] : null;
    }

    /// <summary>The number of elements, or a number larger than any file.</summary>
    private Int128 Count()
    {
        Int128 count = Shape.Contains(0) ? 0 : 1;
        foreach (var length in Shape)
            count = length < 0 || count > long.MaxValue ? Int128.MaxValue >> 8 : count * length;
        return count;
    }
}

/// <summary>The encoding of a tensor's elements in an ONNX file.</summary>
internal enum TensorEncoding
{
    /// <summary>Little-endian, as in memory.</summary>
    Bytes,

    /// <summary>Packed varints.</summary>
    Varints,

    /// <summary>Any other encoding, such as one field per element.</summary>
    Other,

    /// <summary>The elements are in a separate file.</summary>
    OtherFile,
}
