namespace ResNet.Core.Weights;

/// <summary>A safetensors file, which is a single dictionary.</summary>
internal sealed class SafeTensorsStateDict(IReadOnlyDictionary<string, StoredTensor?> tensors, IReadOnlyDictionary<string, string> metadata) : StoredStateDict
{
    public override IEnumerable<(string Name, StoredTensor? Tensor)> Entries => tensors.Select(entry => (entry.Key, entry.Value));

    public override string Place => "";

    public override string? FindMetadata(string module, string key) => metadata.GetValueOrDefault(GetMetadataKey(module, key));

    /// <summary>The key in the header's flat <c>__metadata__</c>.</summary>
    public static string GetMetadataKey(string module, string key) => module.Length == 0 ? key : $"{module}.{key}";

    protected override string FormatPythonToSave(Func<string, string> choose) =>
        $"from safetensors.torch import load_file, save_file; save_file({choose("load_file(path)")}, \"one.safetensors\")";
}
