using System.Globalization;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Writes a trained network as an ONNX file, for every program and language that has ONNX Runtime.</summary>
internal static class ExportJob
{
    public const string FileName = "model.onnx", Int8FileName = "model.int8.onnx";

    /// <summary>Pictures that show how large the values between the layers get; more do not change the result.</summary>
    private const int CalibrationPictures = 512, CalibrationBatch = 32;

    /// <param name="weights">A training's folder, or a file with weights in it.</param>
    /// <param name="int8">Whether in 8-bit integers.</param>
    /// <param name="pictures">Folder with the pictures that 8 bits are fitted to; null is the one that the training had.</param>
    /// <param name="file">What to write; null is a file in the training's folder.</param>
    public static int Run(string weights, bool int8, string? pictures, string? file)
    {
        using var interruption = new Interruption();
        var folder = NetworkInfo.FolderOf(weights);
        var (network, model) = NetworkInfo.Load(weights, CPU);
        using var _ = model;
        var path = file ?? Path.Combine(folder, int8 ? Int8FileName : FileName);
        try
        {
            if (int8)
            {
                using var scope = NewDisposeScope();
                OnnxExporter.ExportInt8(model, Calibration(network, CalibrationImages(), interruption.Token), path, Metadata(network));
            }
            else
            {
                OnnxExporter.Export(model, path, Metadata(network));
            }
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"export: {e.Message}"); // which names the file
        }
        Console.WriteLine($"{path}  {new FileInfo(path).Length / 1e6:0.0} MB");
        return ExitCode.Done;

        IReadOnlyList<Picture> CalibrationImages()
        {
            if (pictures is null)
            {
                var data = DataSet.Load(Settings.Of(folder, "export").Data);
                Preparation.Remark(data.Remarks);
                return data.Training;
            }
            var all = DataSet.LoadAll(pictures, forTest: false, network.Classes);
            Preparation.Remark(all.Remarks);
            return all.Images;
        }
    }

    /// <summary>Images as they are looked at in a prediction, drawn at random.</summary>
    private static IEnumerable<Tensor> Calibration(NetworkInfo network, IReadOnlyList<Picture> images, CancellationToken cancellation)
    {
        var drawn = images.ToArray();
        new Random(0).Shuffle(drawn);
        var survey = Survey.Of(drawn[..Math.Min(drawn.Length, CalibrationPictures)], network.Size, network.Frame, network.Grey, () => { }, cancellation);
        Preparation.Warn(survey.Broken);
        if (survey.Readable.Count == 0)
            throw new UserException("export: expected pictures to fit 8 bits to, got none");

        foreach (var part in survey.Readable.Chunk(CalibrationBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var batch = Batch.Of(part, network);
            yield return batch.To(CPU);
        }
    }

    /// <summary>All that a program needs to prepare pictures and read the answers.</summary>
    public static OnnxMetadata Metadata(NetworkInfo network) => new()
    {
        Classes = network.Classes,
        Mean = Channels(network.Normalisation.Mean),
        StandardDeviation = Channels(network.Normalisation.StandardDeviation),
        Properties = new Dictionary<string, string>
        {
            ["arch"] = $"{network.Architecture}",
            ["size"] = network.Size.ToString(CultureInfo.InvariantCulture),
            ["frame"] = network.Frame.ToString(CultureInfo.InvariantCulture),
            ["grey"] = network.Grey ? "true" : "false",
        },
    };

    /// <summary>The one channel of grey pictures is all three of the network's.</summary>
    private static double[] Channels(double[] values) => values.Length == 3 ? values : [values[0], values[0], values[0]];
}
