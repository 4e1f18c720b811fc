using System.Globalization;
using System.Text.Json;
using ResNet.Core;

namespace ResNet.Train;

/// <summary>The metadata that <c>export</c> writes into an ONNX file, and the check that a file belongs to a training run.</summary>
internal static class OnnxFile
{
    public const string FileName = "model.onnx", Int8FileName = "model.int8.onnx";

    /// <summary>A message shows at most so many characters of a value, since a list of classes may be long.</summary>
    private const int MostShown = 100;

    /// <summary>Everything that a program needs to prepare images and to read the outputs. The keys of version 0.1.0 stay.</summary>
    public static OnnxMetadata Describe(ModelConfig network) => new()
    {
        Classes = network.Classes,
        Mean = ExpandToThreeChannels(network.Normalization.Mean),
        StandardDeviation = ExpandToThreeChannels(network.Normalization.StandardDeviation),
        Properties = new Dictionary<string, string>
        {
            ["arch"] = $"{network.Architecture}",
            ["size"] = network.Size.ToString(CultureInfo.InvariantCulture),
            ["frame"] = network.CropRatio.ToString(CultureInfo.InvariantCulture),
            ["grey"] = network.Grayscale ? "true" : "false",
        },
    };

    /// <param name="network">The training run's model config.</param>
    /// <param name="metadata">The file's metadata. Other programs drop keys, so a missing key is no difference.</param>
    /// <returns>The first difference, as expected and got; null if there is none.</returns>
    public static string? FindDifference(ModelConfig network, IReadOnlyDictionary<string, string> metadata)
    {
        var expected = Describe(network);
        var texts = new Dictionary<string, string>(expected.Properties!)
        {
            ["classes"] = JsonSerializer.Serialize(expected.Classes),
            ["mean"] = JsonSerializer.Serialize(expected.Mean),
            ["std"] = JsonSerializer.Serialize(expected.StandardDeviation),
        };
        foreach (var (key, text) in texts)
            if (metadata.TryGetValue(key, out var got) && !AreEqual(text, got))
                return $"expected {key} {Shorten(Format(text))}, got {Shorten(Format(got))}";
        return null;
    }

    /// <summary>A grayscale image's only channel feeds all three input channels.</summary>
    private static double[] ExpandToThreeChannels(double[] values) => values.Length == 3 ? values : [values[0], values[0], values[0]];

    /// <summary>Compares values, not text: JSON has several spellings for one name or number.</summary>
    private static bool AreEqual(string a, string b) =>
        Parse(a) is { } first && Parse(b) is { } second ? JsonElement.DeepEquals(first, second) : a == b;

    private static JsonElement? Parse(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return null; // written by another program
        }
    }

    private static string Format(string text) =>
        Parse(text) is { ValueKind: JsonValueKind.Array } list ? $"({string.Join(", ", list.EnumerateArray())})" : text;

    private static string Shorten(string text) => text.Length > MostShown ? $"{text[..MostShown]}…" : text;
}
