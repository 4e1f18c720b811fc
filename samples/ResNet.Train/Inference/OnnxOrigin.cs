using System.Text.Json;

namespace ResNet.Train;

/// <summary>Whether an ONNX file is of the network that a training's folder is about, by what <c>export</c> writes into it.</summary>
internal static class OnnxOrigin
{
    /// <summary>A list of classes may be long.</summary>
    private const int MostShown = 100;

    /// <param name="network">What the folder says.</param>
    /// <param name="metadata">What the file says. A key that is missing says nothing: other programs drop them.</param>
    /// <returns>What differs, as expected and got; null where nothing does.</returns>
    public static string? Difference(NetworkInfo network, IReadOnlyDictionary<string, string> metadata)
    {
        var expected = ExportJob.Metadata(network);
        var texts = new Dictionary<string, string>(expected.Properties!)
        {
            ["classes"] = JsonSerializer.Serialize(expected.Classes),
            ["mean"] = JsonSerializer.Serialize(expected.Mean),
            ["std"] = JsonSerializer.Serialize(expected.StandardDeviation),
        };
        foreach (var (key, text) in texts)
            if (metadata.TryGetValue(key, out var got) && !AreEqual(text, got))
                return $"expected {key} {Shown(Readable(text))}, got {Shown(Readable(got))}";
        return null;
    }

    /// <summary>As values: the same name or number can be written in several ways.</summary>
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
            return null; // another program's
        }
    }

    private static string Readable(string text) =>
        Parse(text) is { ValueKind: JsonValueKind.Array } list ? $"({string.Join(", ", list.EnumerateArray())})" : text;

    private static string Shown(string text) => text.Length > MostShown ? $"{text[..MostShown]}…" : text;
}
