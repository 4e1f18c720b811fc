using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A training's settings from the command line. The run's folder keeps them for resuming.</summary>
/// <param name="Data">The folder with the images.</param>
/// <param name="Weights">The weights to start from: a file's path, or one of <see cref="WeightsSource.Published"/>; null is random.</param>
/// <param name="Recipe">The training recipe.</param>
/// <param name="Seed">The seed of the initial weights, the image order and the augmentation.</param>
/// <param name="Device">The name of the device to train on.</param>
/// <param name="Precision">The precision of convolutions and matrix products. The folder keeps the resolved one, so that a resumed training computes alike.</param>
/// <param name="ChannelsLast">Whether the weights are in the channels-last memory format.</param>
/// <param name="Train">The layers to train.</param>
/// <param name="Balanced">Whether all classes weigh the same, however many images they have.</param>
internal sealed record Settings(
    string Data, string? Weights, Recipe Recipe, int Seed, string Device, Precision Precision, bool ChannelsLast, TrainedLayers Train = TrainedLayers.All, bool Balanced = false)
{
    public const string FileName = "settings.json";

    /// <summary>Whether the training starts by fitting the classifier to features.</summary>
    public bool BeginsWithHead() => Train == TrainedLayers.Head || WeightsSource.IsPublished(Weights);

    /// <summary>Creates the network to train, with random weights. They are drawn on the CPU, because TorchSharp's seed does not reach a GPU.</summary>
    public ResidualNetwork CreateNetwork(int classes, Device device) =>
        Recipe.Architecture.Create(classes, Recipe.Stem, CPU).to(device).ToMemoryFormat(ChannelsLast ? memory_format.channels_last : memory_format.contiguous_format);

    /// <returns>The precision and memory format to append to a device's name: a comma and text, or empty for float32 in the usual format.</returns>
    public string DescribeComputation(Device device) =>
        Train == TrainedLayers.Head ? Precision.ChooseFeatureType(device) == ScalarType.BFloat16 ? ", in bfloat16" : ""
        : $"{Precision switch { Precision.Bf16 => ", in bfloat16", Precision.Fp16 => ", in float16", _ => "" }}{(ChannelsLast ? ", channels-last" : "")}";

    public byte[] ToJson() => JsonFile.Write(this);

    /// <param name="folder">The training run's folder.</param>
    /// <param name="command">The command that reads them, for messages.</param>
    /// <exception cref="UserException">The folder has no settings, or they are invalid.</exception>
    public static Settings Read(string folder, string command = "resume")
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var settings = JsonFile.Read<Settings>(path);
            Limits.Check(settings.Recipe, $"{path}: Recipe.");
            Limits.Seed.Check($"{path}: {nameof(Seed)}", settings.Seed);
            return settings;
        }
        catch (FileNotFoundException)
        {
            throw new UserException($"{command}: expected the folder of a training run, got '{folder}', which {(Directory.Exists(folder) ? $"has no {FileName}" : "does not exist")}");
        }
    }
}
