using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Exports a trained network as an ONNX file, for programs in any language with ONNX Runtime.</summary>
internal static class ExportJob
{

    /// <summary>The number of images that calibrate the ranges between the layers; more do not change the result.</summary>
    private const int CalibrationImages = 512, CalibrationBatch = 32;

    /// <param name="weights">A training run's folder, or a weights file in it.</param>
    /// <param name="int8">Whether to quantize to 8 bits.</param>
    /// <param name="calibration">The folder with the calibration images; null is the training's.</param>
    /// <param name="file">The file to write; null is a file in the training run's folder.</param>
    public static int Run(string weights, bool int8, string? calibration, string? file)
    {
        using var interruption = new Interruption();
        var folder = ModelConfig.FindFolder(weights);
        var (network, model) = ModelConfig.Load(weights, CPU);
        using var _ = model;
        var path = file ?? Path.Combine(folder, int8 ? OnnxFile.Int8FileName : OnnxFile.FileName);
        try
        {
            if (int8)
            {
                using var scope = NewDisposeScope();
                OnnxExporter.ExportInt8(model, DrawBatches(network, LoadImages(), interruption.Token), path, OnnxFile.Describe(network));
            }
            else
            {
                OnnxExporter.Export(model, path, OnnxFile.Describe(network));
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

        IReadOnlyList<Image> LoadImages()
        {
            if (calibration is null)
            {
                var data = DataSet.Load(Settings.Read(folder, "export").Data);
                Preparation.Remark(data.Remarks);
                return data.Training;
            }
            var all = DataSet.LoadAll(calibration, forTest: false, network.Classes);
            Preparation.Remark(all.Remarks);
            return all.Images;
        }
    }

    /// <summary>Draws random images, preprocessed as for a prediction.</summary>
    private static IEnumerable<Tensor> DrawBatches(ModelConfig network, IReadOnlyList<Image> images, CancellationToken cancellation)
    {
        var drawn = images.ToArray();
        new Random(0).Shuffle(drawn);
        var scan = DatasetScan.Scan(drawn[..Math.Min(drawn.Length, CalibrationImages)], network.Size, network.CropRatio, network.Grayscale, () => { }, cancellation);
        Preparation.Warn(scan.Broken);
        if (scan.Readable.Count == 0)
            throw new UserException("export: expected calibration images, got none");

        foreach (var part in scan.Readable.Chunk(CalibrationBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var batch = Batch.Decode(part, network);
            yield return batch.To(CPU);
        }
    }
}
