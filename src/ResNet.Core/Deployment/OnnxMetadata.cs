namespace ResNet.Core;

/// <summary>
/// The information in an .onnx file that its users need to preprocess images and to interpret the outputs. It is stored as text in the file's
/// <c>metadata_props</c>.
/// </summary>
public sealed class OnnxMetadata
{
    /// <summary>The class names in the order of the logits; a JSON array under the key <c>classes</c>.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>The mean of the red, green and blue channels, on a scale from 0 to 1; a JSON array of three numbers under <c>mean</c>.</summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>The standard deviation of the red, green and blue channels, on a scale from 0 to 1; a JSON array of three numbers under <c>std</c>.</summary>
    public IReadOnlyList<double>? StandardDeviation { get; init; }

    /// <summary>Other entries, under their own keys.</summary>
    public IReadOnlyDictionary<string, string>? Properties { get; init; }
}
