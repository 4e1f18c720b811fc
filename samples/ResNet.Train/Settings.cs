using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What the command line decides about a training, and what its folder keeps for resuming it.</summary>
/// <param name="Data">The folder with the images.</param>
/// <param name="Weights">To start from: a file's path, or one of <see cref="StartingWeights.Published"/>; null is at random.</param>
/// <param name="Recipe">How it is trained.</param>
/// <param name="Seed">Of the initial weights, the order of the images and their augmentation.</param>
/// <param name="Device">Where it is trained.</param>
/// <param name="Precision">Of convolutions and matrix products. In the folder it is decided, so that whoever resumes the training computes alike.</param>
/// <param name="ChannelsLast">The weights' memory format.</param>
/// <param name="Train">Which layers are trained.</param>
/// <param name="Balanced">Whether all classes count alike, however many images they have.</param>
internal sealed record Settings(
    string Data, string? Weights, Recipe Recipe, int Seed, string Device, Precision Precision, bool ChannelsLast, TrainedLayers Train = TrainedLayers.All, bool Balanced = false)
{
    public const string FileName = "settings.json";

    /// <summary>Whether the classifier is fitted to features before anything else is trained.</summary>
    public bool BeginsWithHead() => Train == TrainedLayers.Head || StartingWeights.IsPublished(Weights);

    /// <summary>The network to train, with random weights. They are drawn on the CPU: TorchSharp's seed is not a GPU's.</summary>
    public ResidualNetwork Network(int classes, Device device) =>
        Recipe.Architecture.Create(classes, Recipe.Stem, CPU).to(device).ToMemoryFormat(ChannelsLast ? memory_format.channels_last : memory_format.contiguous_format);

    /// <summary>How it computes, where that is not in float32 and as usual, for behind a device's name: empty, or a comma and the rest.</summary>
    public string ComputesIn(Device device) =>
        Train == TrainedLayers.Head ? Precision.OfFeatures(device) == ScalarType.BFloat16 ? ", in bfloat16" : ""
        : $"{Precision switch { Precision.Bf16 => ", in bfloat16", Precision.Fp16 => ", in float16", _ => "" }}{(ChannelsLast ? ", channels-last" : "")}";

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
