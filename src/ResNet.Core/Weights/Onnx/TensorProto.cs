namespace ResNet.Core.Weights.Onnx;

/// <summary>A tensor as the file has it: an initializer, or the value of a Constant.</summary>
/// <param name="Name">Empty in a Constant.</param>
/// <param name="DataType">ONNX's number of its elements' type.</param>
/// <param name="Shape">Its dims, whatever they are.</param>
/// <param name="Position">Where its elements begin in the file, in bytes.</param>
/// <param name="Length">How many bytes they take.</param>
/// <param name="Encoding">How they are written.</param>
internal sealed record TensorProto(string Name, long DataType, long[] Shape, long Position, long Length, TensorEncoding Encoding)
{
    private const long Float = 1, Int64 = 7, Double = 11;

    private const int MostDimensions = 8; // a convolution's weights have four

    /// <summary>Reads what the file says of a tensor, and no element.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static TensorProto Read(ProtoFields fields)
    {
        var (name, dataType, dims) = ("", 0L, new List<long>());
        (long Position, long Length) place = default;
        (TensorEncoding Encoding, long? OfType)? elements = null;
        var isElsewhere = false;
        while (fields.Next())
            switch (fields.Number)
            {
                case 1: // dims
                    fields.AddTo(dims, MostDimensions);
                    break;
                case 2:
                    dataType = fields.Int64();
                    break;
                case 4: // float_data
                    Elements(ref fields, TensorEncoding.Bytes, Float);
                    break;
                case 5 or 6 or 11: // int32_data, string_data, uint64_data
                    elements = (TensorEncoding.Other, null);
                    break;
                case 7: // int64_data
                    Elements(ref fields, TensorEncoding.Varints, Int64);
                    break;
                case 8:
                    name = fields.Text();
                    break;
                case 9: // raw_data
                    Elements(ref fields, TensorEncoding.Bytes, ofType: null);
                    break;
                case 10: // double_data
                    Elements(ref fields, TensorEncoding.Bytes, Double);
                    break;
                case 13: // external_data
                    isElsewhere = true;
                    break;
                case 14: // data_location
                    isElsewhere |= fields.Int64() != 0;
                    break;
            }
        var encoding = isElsewhere ? TensorEncoding.OtherFile
            : elements is null ? TensorEncoding.Bytes
            : elements.Value.OfType is { } type && type != dataType ? TensorEncoding.Other
            : elements.Value.Encoding;
        return new TensorProto(name, dataType, [.. dims], place.Position, place.Length, encoding);

        // Numbers one by one, or in two places, are what the format allows and nobody writes.
        void Elements(ref ProtoFields field, TensorEncoding encoding, long? ofType) =>
            (elements, place) = elements is null && field.IsBytes ? ((encoding, ofType), field.Bytes()) : ((TensorEncoding.Other, null), default);
    }

    /// <summary>The tensor's elements, in the file.</summary>
    /// <param name="use">What the tensor is, for messages.</param>
    /// <exception cref="InvalidDataException">They are of another type than weights are, not in this file, or not as many as the shape says.</exception>
    public StoredTensor Elements(string use)
    {
        if (Encoding == TensorEncoding.OtherFile)
            throw new InvalidDataException($"is an ONNX model whose tensors are in another file, such as {use}, expected them in this one; write them into it in Python: onnx.save(onnx.load(path), \"one.onnx\")");
        if (ElementType.All.FirstOrDefault(known => known.Onnx == DataType) is not { IsFloatingPoint: true } type)
            throw new InvalidDataException($"is an ONNX model with elements of data type {DataType} as {use}, expected floating-point numbers");
        if (Encoding != TensorEncoding.Bytes)
            throw new InvalidDataException($"is an ONNX model with {use} as numbers one by one or whole numbers, expected raw_data, or packed float_data or double_data; write it again in Python: from onnx import numpy_helper; m = onnx.load(path); [t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t), t.name)) for t in m.graph.initializer]; onnx.save(m, \"one.onnx\")");
        if (Count() is var count && count * type.Size != Length)
            throw new InvalidDataException($"is an ONNX model with {use} of shape ({string.Join(", ", Shape)}), expected {count * type.Size} bytes of {type.Dtype}, got {Length}");
        return new StoredTensor(new Storage(Name, type, Length / type.Size, Position, Checksum: null), Offset: 0, Shape, StoredTensor.ContiguousStrides(Shape));
    }

    /// <summary>The whole numbers of a small tensor, such as axes; null where it is none.</summary>
    public long[]? Numbers(ProtoReader reader)
    {
        const int Most = 16;
        var count = Count();
        if (DataType != Int64 || count > Most)
            return null;
        if (Encoding is not TensorEncoding.Varints && (Encoding is not TensorEncoding.Bytes || Length != count * sizeof(long)))
            return null;
        reader.Position = Position;
        var (numbers, end) = (new List<long>(), Position + Length);
        while (reader.Position < end && numbers.Count <= Most)
            numbers.Add(Encoding == TensorEncoding.Varints ? (long)reader.Varint(end) : reader.Int64(end));
        return numbers.Count == count ? [.. numbers] : null;
    }

    /// <summary>How many elements the shape has, or more than any file.</summary>
    private Int128 Count()
    {
        Int128 count = Shape.Contains(0) ? 0 : 1;
        foreach (var length in Shape)
            count = length < 0 || count > long.MaxValue ? Int128.MaxValue >> 8 : count * length;
        return count;
    }
}

/// <summary>How the elements of a tensor are written in an ONNX file.</summary>
internal enum TensorEncoding
{
    /// <summary>As in memory, little-endian.</summary>
    Bytes,

    /// <summary>As numbers of one to ten bytes.</summary>
    Varints,

    /// <summary>In another way, such as one field for each.</summary>
    Other,

    /// <summary>They are not in the file but beside it.</summary>
    OtherFile,
}
