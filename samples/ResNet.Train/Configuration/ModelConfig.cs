using System.Text.Json.Serialization;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Everything but the weights that using a network takes: its architecture, its image preprocessing, and its classes. In JSON, the members keep their names from version 0.1.0.</summary>
/// <param name="Stem">The network's first layers.</param>
/// <param name="Size">The height and width of its input.</param>
/// <param name="CropRatio">The side of the center crop, as a share of an image's shorter side.</param>
/// <param name="Grayscale">Whether the network was trained on grayscale images.</param>
/// <param name="Normalization">The normalization of the pixel values.</param>
/// <param name="Classes">The class names, in the order of the outputs.</param>
/// <param name="Architecture">The network. Files of version 0.1.0, which had only one, lack it.</param>
internal sealed record ModelConfig(
    Stem Stem,
    int Size,
    [property: JsonPropertyName("Frame")] double CropRatio,
    [property: JsonPropertyName("Grey")] bool Grayscale,
    [property: JsonPropertyName("Normalisation")] Normalization Normalization,
    IReadOnlyList<string> Classes,
    Architecture Architecture = Architecture.resnet18)
{
    public const string FileName = "network.json", WeightsFileName = "model.safetensors", TorchFileName = "model.pth";


    /// <summary>Creates the network with random weights.</summary>
    public ResidualNetwork Create(Device device) => Architecture.Create(Classes.Count, Stem, device);

    public byte[] ToJson() => JsonFile.Write(this);

    /// <summary>Reads a training run's config and weights.</summary>
    /// <param name="path">A training run's folder, or a weights file in it.</param>
    /// <param name="device">The device for the network.</param>
    /// <exception cref="UserException">A file is missing or damaged, or the weights belong to another network.</exception>
    public static (ModelConfig Info, ResidualNetwork Model) Load(string path, Device device)
    {
        var info = Read(path);
        var model = info.Create(device);
        try
        {
            Checkpoint.Load(model, Directory.Exists(path) ? Path.Combine(path, WeightsFileName) : path);
            return (info, model);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            model.Dispose();
            throw new UserException(e.Message);
        }
    }

    /// <returns>The path itself if it is a folder, or the folder of the file.</returns>
    public static string FindFolder(string path) => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    /// <param name="path">A training run's folder, or a file in it.</param>
    /// <exception cref="UserException">The config is missing or damaged.</exception>
    public static ModelConfig Read(string path)
    {
        var file = Path.Combine(FindFolder(path), FileName);
        try
        {
            var network = JsonFile.Read<ModelConfig>(file);
            network.Check($"{file}: ");
            return network;
        }
        catch (FileNotFoundException)
        {
            var problem = Directory.Exists(path) ? $"which has no {FileName}"
                : File.Exists(path) ? $"which has no {FileName} beside it: weights alone lack the classes and the normalization"
                : "which does not exist";
            throw new UserException($"expected the folder of a training run, or a file in it, got '{path}', {problem}");
        }
    }

    private void Check(string where)
    {
        Limits.Size.Check($"{where}{nameof(Size)}", Size);
        Limits.CropRatio.Check($"{where}Frame", CropRatio);
        Expect((Normalization.Mean.Length, Normalization.StandardDeviation.Length) is (3, 3) || (Grayscale && (Normalization.Mean.Length, Normalization.StandardDeviation.Length) is (1, 1)),
            $"{(Grayscale ? "1 or 3 means and standard deviations for grayscale" : "3 means and standard deviations for color")} images", $"{Normalization.Mean.Length} and {Normalization.StandardDeviation.Length}");
        foreach (var mean in Normalization.Mean)
            Limit.FromZeroToOne.Check($"{where}Mean", mean);
        foreach (var deviation in Normalization.StandardDeviation)
            Limit.AboveZero.Check($"{where}StandardDeviation", deviation);
        Expect(Classes.Count > 0, "one class or more", "none");
        Expect(Classes.All(name => !string.IsNullOrEmpty(name)), "a name for each class", "an empty one");
        Expect(Classes.Distinct().Count() == Classes.Count, "distinct class names", $"{Classes.GroupBy(name => name).MaxBy(same => same.Count())!.Key} twice");

        void Expect(bool good, string expected, string got)
        {
            if (!good)
                throw new UserException($"{where}expected {expected}, got {got}");
        }
    }
}
