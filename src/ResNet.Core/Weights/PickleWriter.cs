using System.Text;

namespace ResNet.Core.Weights;

/// <summary>Writes the pickle of a <c>state_dict</c> in protocol 2, the default of <c>torch.save</c>.</summary>
internal static class PickleWriter
{
    /// <summary>The attribute of a <c>state_dict</c> in which PyTorch keeps the versions of its modules.</summary>
    public const string MetadataAttribute = "_metadata";

    /// <param name="tensors">The tensors in order. The n-th refers to the storage with key n.</param>
    /// <param name="metadata">The metadata of each module, by path.</param>
    public static byte[] WriteStateDict(IReadOnlyList<TensorToWrite> tensors, IReadOnlyList<(string Module, IReadOnlyList<(string Key, string Value)> Entries)> metadata)
    {
        using var pickle = new MemoryStream();
        using var writer = new BinaryWriter(pickle); // little-endian, as pickle is

        writer.WriteOpcode(PickleOpcode.Proto);
        writer.Write((byte)2);
        writer.WriteOrderedDict();
        writer.WriteOpcode(PickleOpcode.Mark);
        for (var i = 0; i < tensors.Count; i++)
        {
            writer.WriteText(tensors[i].Name);
            writer.WriteTensor(tensors[i], key: $"{i}");
        }
        writer.WriteOpcode(PickleOpcode.SetItems);
        if (metadata.Count > 0)
            writer.WriteMetadata(metadata);
        writer.WriteOpcode(PickleOpcode.Stop);
        return pickle.ToArray();
    }

    /// <summary>Writes the metadata attribute, which the OrderedDict keeps when Python loads and saves it.</summary>
    private static void WriteMetadata(this BinaryWriter writer, IReadOnlyList<(string Module, IReadOnlyList<(string Key, string Value)> Entries)> metadata)
    {
        writer.WriteOpcode(PickleOpcode.EmptyDict);
        writer.WriteText(MetadataAttribute);
        writer.WriteOrderedDict();
        foreach (var (module, entries) in metadata)
        {
            writer.WriteText(module);
            writer.WriteOpcode(PickleOpcode.EmptyDict);
            foreach (var (key, value) in entries)
            {
                writer.WriteText(key);
                writer.WriteText(value);
                writer.WriteOpcode(PickleOpcode.SetItem);
            }
            writer.WriteOpcode(PickleOpcode.SetItem);
        }
        writer.WriteOpcode(PickleOpcode.SetItem);
        writer.WriteOpcode(PickleOpcode.Build);
    }

    private static void WriteTensor(this BinaryWriter writer, TensorToWrite tensor, string key)
    {
        writer.WriteGlobal("torch._utils", "_rebuild_tensor_v2");
        writer.WriteOpcode(PickleOpcode.Mark);

        writer.WriteOpcode(PickleOpcode.Mark);
        writer.WriteText("storage");
        writer.WriteGlobal("torch", tensor.Type.Storage);
        writer.WriteText(key);
        writer.WriteText("cpu");
        writer.WriteInt(tensor.Count);
        writer.WriteOpcode(PickleOpcode.Tuple);
        writer.WriteOpcode(PickleOpcode.BinPersId);

        writer.WriteInt(0); // offset
        writer.WriteInts(tensor.Shape);
        writer.WriteInts(StoredTensor.ComputeContiguousStrides(tensor.Shape));
        writer.WriteOpcode(PickleOpcode.NewFalse); // requires_grad
        writer.WriteOrderedDict(); // backward hooks
        writer.WriteOpcode(PickleOpcode.Tuple);
        writer.WriteOpcode(PickleOpcode.Reduce);
    }

    private static void WriteOrderedDict(this BinaryWriter writer)
    {
        writer.WriteGlobal("collections", "OrderedDict");
        writer.WriteOpcode(PickleOpcode.EmptyTuple);
        writer.WriteOpcode(PickleOpcode.Reduce);
    }

    private static void WriteGlobal(this BinaryWriter writer, string module, string name)
    {
        writer.WriteOpcode(PickleOpcode.Global);
        writer.Write(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));
    }

    private static void WriteText(this BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.WriteOpcode(PickleOpcode.BinUnicode);
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteInts(this BinaryWriter writer, long[] numbers)
    {
        writer.WriteOpcode(PickleOpcode.Mark);
        foreach (var number in numbers)
            writer.WriteInt(number);
        writer.WriteOpcode(PickleOpcode.Tuple);
    }

    private static void WriteInt(this BinaryWriter writer, long number)
    {
        if (number is >= int.MinValue and <= int.MaxValue)
        {
            writer.WriteOpcode(PickleOpcode.BinInt);
            writer.Write((int)number);
        }
        else
        {
            writer.WriteOpcode(PickleOpcode.Long1);
            writer.Write((byte)sizeof(long));
            writer.Write(number);
        }
    }

    private static void WriteOpcode(this BinaryWriter writer, PickleOpcode opcode) => writer.Write((byte)opcode);
}
