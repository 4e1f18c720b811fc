using System.Text.Json;
using System.Text.Json.Serialization;
using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What the command line decides about a training, and what its folder keeps for resuming it.</summary>
internal sealed record Settings(string Data, string? Weights, Recipe Recipe, int Seed, string Device, Precision Precision, bool ChannelsLast)
{
    public const string FileName = "settings.json";

    private static readonly JsonSerializerOptions json = new() { WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true, Converters = { new JsonStringEnumConverter() } };

    /// <summary>The network to train, with random weights.</summary>
    public ResNet18 Network(int classes, Device device) =>
        new ResNet18(classes, Recipe.Stem, device).ToMemoryFormat(ChannelsLast ? memory_format.channels_last : memory_format.contiguous_format);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, json);

    /// <exception cref="UserException">There are none in the folder.</exception>
    public static Settings Of(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize<Settings>(File.ReadAllBytes(path), json) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"resume: expected the folder of a training, got '{folder}': {e.Message}");
        }
        catch (JsonException e)
        {
            throw new UserException($"{path}: expected what a training has written there: {e.Message}");
        }
    }
}
