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

        writer.Opcode(PickleOpcode.Proto);
        writer.Write((byte)2);
        writer.OrderedDict();
        writer.Opcode(PickleOpcode.Mark);
        for (var i = 0; i < tensors.Count; i++)
        {
            writer.Text(tensors[i].Name);
            writer.Tensor(tensors[i], key: $"{i}");
        }
        writer.Opcode(PickleOpcode.SetItems);
        if (metadata.Count > 0)
            writer.Metadata(metadata);
        writer.Opcode(PickleOpcode.Stop);
        return pickle.ToArray();
    }

    /// <summary>Writes the metadata attribute, which the OrderedDict keeps when Python loads and saves it.</summary>
    private static void Metadata(this BinaryWriter writer, IReadOnlyList<(string Module, IReadOnlyList<(string Key, string Value)> Entries)> metadata)
    {
        writer.Opcode(PickleOpcode.EmptyDict);
        writer.Text(MetadataAttribute);
        writer.OrderedDict();
        foreach (var (module, entries) in metadata)
        {
            writer.Text(module);
            writer.Opcode(PickleOpcode.EmptyDict);
            foreach (var (key, value) in entries)
            {
                writer.Text(key);
                writer.Text(value);
                writer.Opcode(PickleOpcode.SetItem);
            }
            writer.Opcode(PickleOpcode.SetItem);
        }
        writer.Opcode(PickleOpcode.SetItem);
        writer.Opcode(PickleOpcode.Build);
    }

    private static void Tensor(this BinaryWriter writer, TensorToWrite tensor, string key)
    {
        writer.Global("torch._utils", "_rebuild_tensor_v2");
        writer.Opcode(PickleOpcode.Mark);

        writer.Opcode(PickleOpcode.Mark);
        writer.Text("storage");
        writer.Global("torch", tensor.Type.Storage);
        writer.Text(key);
        writer.Text("cpu");
        writer.Int(tensor.Count);
        writer.Opcode(PickleOpcode.Tuple);
        writer.Opcode(PickleOpcode.BinPersId);

        writer.Int(0); // offset
        writer.Ints(tensor.Shape);
        writer.Ints(StoredTensor.ContiguousStrides(tensor.Shape));
        writer.Opcode(PickleOpcode.NewFalse); // requires_grad
        writer.OrderedDict(); // backward hooks
        writer.Opcode(PickleOpcode.Tuple);
        writer.Opcode(PickleOpcode.Reduce);
    }

    private static void OrderedDict(this BinaryWriter writer)
    {
        writer.Global("collections", "OrderedDict");
        writer.Opcode(PickleOpcode.EmptyTuple);
        writer.Opcode(PickleOpcode.Reduce);
    }

    private static void Global(this BinaryWriter writer, string module, string name)
    {
        writer.Opcode(PickleOpcode.Global);
        writer.Write(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));
    }

    private static void Text(this BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Opcode(PickleOpcode.BinUnicode);
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static void Ints(this BinaryWriter writer, long[] numbers)
    {
        writer.Opcode(PickleOpcode.Mark);
        foreach (var number in numbers)
            writer.Int(number);
        writer.Opcode(PickleOpcode.Tuple);
    }

    private static void Int(this BinaryWriter writer, long number)
    {
        if (number is >= int.MinValue and <= int.MaxValue)
        {
            writer.Opcode(PickleOpcode.BinInt);
            writer.Write((int)number);
        }
        else
        {
            writer.Opcode(PickleOpcode.Long1);
            writer.Write((byte)sizeof(long));
            writer.Write(number);
        }
    }

    private static void Opcode(this BinaryWriter writer, PickleOpcode opcode) => writer.Write((byte)opcode);
}
