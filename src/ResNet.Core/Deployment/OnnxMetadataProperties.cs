using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace ResNet.Core.Deployment;

/// <summary>Converts an <see cref="OnnxMetadata"/> to the <c>metadata_props</c> of a file.</summary>
internal static partial class OnnxMetadataProperties
{
    /// <summary>Source-generated, since trimmed and AOT-compiled programs cannot use reflection for JSON.</summary>
    [JsonSerializable(typeof(IReadOnlyList<string>))]
    [JsonSerializable(typeof(IReadOnlyList<double>))]
    private sealed partial class Json : JsonSerializerContext;

    // Readable for people: é stays é.
    private static readonly Json readable = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Creates the entries.</summary>
    /// <param name="metadata">The metadata; null for no entries.</param>
    /// <param name="classes">The number of classes of the model.</param>
    /// <exception cref="ArgumentException">The metadata does not match the model, or a key appears twice.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Create(OnnxMetadata? metadata, long classes)
    {
        if (metadata is null) return [];
        if (metadata.Classes is { } names)
        {
            if (names.Count != classes)
                throw Unexpected($"{classes} classes, as many as the model has", $"{names.Count}");
            foreach (var name in names)
                ExpectUnicode("each class", name);
        }
        ExpectChannels(metadata.Mean, nameof(OnnxMetadata.Mean));
        ExpectChannels(metadata.StandardDeviation, nameof(OnnxMetadata.StandardDeviation));
        if (metadata.StandardDeviation?.Any(value => value <= 0) == true)
            throw Unexpected($"numbers above 0 as {nameof(OnnxMetadata.StandardDeviation)}", $"({string.Join(", ", metadata.StandardDeviation)})");

        var entries = new List<KeyValuePair<string, string>>();
        Add("classes", metadata.Classes, readable.IReadOnlyListString);
        Add("mean", metadata.Mean, readable.IReadOnlyListDouble);
        Add("std", metadata.StandardDeviation, readable.IReadOnlyListDouble);
        foreach (var (key, value) in (metadata.Properties ?? new Dictionary<string, string>()).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (entries.Any(entry => entry.Key == key))
                throw Unexpected($"{nameof(OnnxMetadata.Properties)} of other keys than the class's own", $"'{key}'");
            ExpectUnicode("each key", key);
            ExpectUnicode($"'{key}'", value);
            entries.Add(new(key, value));
        }
        return entries;

        void Add<T>(string key, T? values, JsonTypeInfo<T> type)
        {
            if (values is not null)
                entries.Add(new(key, JsonSerializer.Serialize(values, type)));
        }
    }

    private static void ExpectUnicode(string of, string? text)
    {
        if (text is null)
            throw Unexpected($"a text for {of}", "null");
        if (!Guard.IsUnicode(text))
            throw Unexpected($"a text for {of} that is Unicode", $"'{text}' with half a surrogate pair");
    }

    private static void ExpectChannels(IReadOnlyList<double>? values, string name)
    {
        if (values is not null && (values.Count != 3 || !values.All(double.IsFinite)))
            throw Unexpected($"three finite numbers as {name}, one for each channel", $"({string.Join(", ", values)})");
    }

    private static ArgumentException Unexpected(string expected, string got) => new($"Expected {expected}, got {got} in the metadata.");
}
