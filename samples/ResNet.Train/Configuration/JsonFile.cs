using System.Text.Json;
using System.Text.Json.Serialization;
using ResNet.Core;

namespace ResNet.Train;

/// <summary>A training run's JSON files. Reading is strict: unknown, duplicate, missing, wrongly typed and null members are refused.</summary>
internal static class JsonFile
{
    private static readonly JsonSerializerOptions options = new()
    {
        WriteIndented = true,
        AllowDuplicateProperties = false,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new ByName<Architecture>(), new ByName<Stem>(), new ByName<Precision>(), new ByName<TrainedLayers>() },
    };

    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, options);

    /// <summary>Parses the output of <see cref="Write"/>.</summary>
    /// <exception cref="JsonException">The text is anything else.</exception>
    public static T Parse<T>(byte[] json) => JsonSerializer.Deserialize<T>(json, options) ?? throw new JsonException("it is null");

    /// <exception cref="UserException">The file is damaged, or cannot be read.</exception>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    public static T Read<T>(string path)
    {
        try
        {
            if (!File.Exists(path))
                throw new FileNotFoundException($"Could not find file '{path}'.", path);
            return Parse<T>(InputFile.ReadAllBytes(path));
        }
        catch (JsonException e)
        {
            throw new UserException($"{path}: expected the file that a training wrote: {e.Message}");
        }
    }

    private sealed class ByName<T> : JsonConverter<T> where T : struct, Enum
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            using var value = JsonDocument.ParseValue(ref reader);
            return value.RootElement.ValueKind == JsonValueKind.String && EnumNames.Find<T>(value.RootElement.GetString()) is { } known ? known
                : throw new JsonException($"{typeof(T).Name}: expected {EnumNames.List<T>()}, got {value.RootElement.GetRawText()}");
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
