using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What has to be known of a network to use it, beside its weights: how it is made, how pictures come to it, and what its answers mean.</summary>
/// <param name="Stem">Its first layers.</param>
/// <param name="Size">Height and width of what it sees.</param>
/// <param name="Frame">The square in a picture's middle that it sees, as a share of the shorter side.</param>
/// <param name="Grey">Whether it has learned from grey pictures.</param>
/// <param name="Normalisation">Of the pictures' values.</param>
/// <param name="Classes">Their names, in the order of its outputs.</param>
/// <param name="Architecture">Which network. Files of version 0.1.0, which knew one, do not say it.</param>
internal sealed record NetworkInfo(
    Stem Stem, int Size, double Frame, bool Grey, Normalisation Normalisation, IReadOnlyList<string> Classes, Architecture Architecture = Architecture.resnet18)
{
    public const string FileName = "network.json", WeightsFileName = "model.safetensors", TorchFileName = "model.pth";

    public static NetworkInfo Of(DataSet data, Recipe recipe, Normalisation normalisation) =>
        new(recipe.Stem, recipe.Size, recipe.Frame, data.Grey, normalisation, data.Classes, recipe.Architecture);

    /// <summary>A network of this kind, with random weights.</summary>
    public ResidualNetwork Create(Device device) => Architecture.Create(Classes.Count, Stem, device);

    public byte[] ToJson() => JsonFile.Write(this);

    /// <summary>Reads what a training has left, and the weights.</summary>
    /// <param name="path">A training's folder, or a file with weights in it.</param>
    /// <param name="device">Where the network goes.</param>
    /// <exception cref="UserException">There is none, or it is damaged, or the weights are another network's.</exception>
    public static (NetworkInfo Info, ResidualNetwork Model) Load(string path, Device device)
    {
        var info = Of(path);
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

    /// <summary>The training's folder, of which the path is, or of a file in it.</summary>
    public static string FolderOf(string path) => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    /// <param name="path">A training's folder, or a file in it.</param>
    /// <exception cref="UserException">There is none, or it is damaged.</exception>
    public static NetworkInfo Of(string path)
    {
        var file = Path.Combine(FolderOf(path), FileName);
        try
        {
            var network = JsonFile.Read<NetworkInfo>(file);
            network.Check($"{file}: ");
            return network;
        }
        catch (IOException e)
        {
            throw new UserException($"expected the folder of a training, or a file in it, got '{path}': {e.Message}");
        }
    }

    private void Check(string where)
    {
        Limits.Size.Check($"{where}{nameof(Size)}", Size);
        Limits.Frame.Check($"{where}{nameof(Frame)}", Frame);
        Expect((Normalisation.Mean.Length, Normalisation.StandardDeviation.Length) is (3, 3) || (Grey && (Normalisation.Mean.Length, Normalisation.StandardDeviation.Length) is (1, 1)),
            $"{(Grey ? "1 or 3 means and standard deviations for grey" : "3 means and standard deviations for coloured")} pictures", $"{Normalisation.Mean.Length} and {Normalisation.StandardDeviation.Length}");
        foreach (var mean in Normalisation.Mean)
            Limit.FromZeroToOne.Check($"{where}Mean", mean);
        foreach (var deviation in Normalisation.StandardDeviation)
            Limit.AboveZero.Check($"{where}StandardDeviation", deviation);
        Expect(Classes.Count > 0, "the name of one class or more", "none");
        Expect(Classes.All(name => !string.IsNullOrEmpty(name)), "a name for each class", "one without");
        Expect(Classes.Distinct().Count() == Classes.Count, "classes of different names", $"{Classes.GroupBy(name => name).MaxBy(same => same.Count())!.Key} twice");

        void Expect(bool good, string expected, string got)
        {
            if (!good)
                throw new UserException($"{where}expected {expected}, got {got}");
        }
    }
}
