using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What the command line decides about a training, and what its folder keeps for resuming it.</summary>
internal sealed record Settings(string Data, string? Weights, Recipe Recipe, int Seed, string Device, Precision Precision, bool ChannelsLast)
{
    public const string FileName = "settings.json";

    /// <summary>The network to train, with random weights.</summary>
    public ResidualNetwork Network(int classes, Device device) =>
        Recipe.Architecture.Create(classes, Recipe.Stem, device).ToMemoryFormat(ChannelsLast ? memory_format.channels_last : memory_format.contiguous_format);

    public byte[] ToJson() => JsonFile.Write(this);

    /// <param name="folder">Of the training.</param>
    /// <param name="command">Who wants them.</param>
    /// <exception cref="UserException">There are none in the folder, or they are not what the options would take.</exception>
    public static Settings Of(string folder, string command = "resume")
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var settings = JsonFile.Read<Settings>(path);
            Limits.Check(settings.Recipe, $"{path}: Recipe.");
            Limits.Seed.Check($"{path}: {nameof(Seed)}", settings.Seed);
            return settings;
        }
        catch (IOException e)
        {
            throw new UserException($"{command}: expected the folder of a training, got '{folder}': {e.Message}");
        }
    }
}
