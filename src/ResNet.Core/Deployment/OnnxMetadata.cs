namespace ResNet.Core;

/// <summary>
/// What somebody who has only the .onnx file needs to prepare pictures and to read the answers. It stands in the file's
/// <c>metadata_props</c>, as text.
/// </summary>
public sealed class OnnxMetadata
{
    /// <summary>The classes' names in the order of the logits; a JSON array under the key <c>classes</c>.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>What is subtracted from the red, green and blue of a picture, values from 0 to 1; a JSON array of three numbers under <c>mean</c>.</summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>By what the differences are divided; a JSON array of three numbers under <c>std</c>.</summary>
    public IReadOnlyList<double>? StandardDeviation { get; init; }

    /// <summary>Whatever else, under its own keys.</summary>
    public IReadOnlyDictionary<string, string>? Properties { get; init; }
}
