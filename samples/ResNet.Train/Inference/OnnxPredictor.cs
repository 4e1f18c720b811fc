using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace ResNet.Train;

/// <summary>Predicts with a network in a file that <c>export</c> wrote.</summary>
internal sealed class OnnxPredictor : Predictor
{
    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();

    private OnnxPredictor(ModelConfig network, InferenceSession session)
        : base(network) => _session = session;

    /// <param name="path">A training run's folder, or an .onnx file in it.</param>
    /// <exception cref="UserException">The file is missing, damaged, or holds another network.</exception>
    public static OnnxPredictor Load(string path)
    {
        var network = ModelConfig.Read(path);
        var file = Directory.Exists(path) ? Path.Combine(path, OnnxFile.FileName) : path;
        if (!File.Exists(file))
            throw new UserException($"--engine onnx: expected a file {file}, found none; export writes it");
        InputFile.OpenRead(file).Dispose(); // ONNX Runtime would block on a pipe
        InferenceSession? session = null;
        try
        {
            session = new InferenceSession(file);
            Check(session, network, file);
            return new OnnxPredictor(network, session);
        }
        catch (OnnxRuntimeException e)
        {
            throw new UserException($"{file}: expected an ONNX network: {e.Message}");
        }
        catch (UserException)
        {
            session?.Dispose();
            throw;
        }
    }

    /// <summary>Refuses other networks: their outputs would get the names of the wrong classes.</summary>
    private static void Check(InferenceSession session, ModelConfig network, string file)
    {
        if (session.InputMetadata.Values.ToArray() is not [{ ElementDataType: TensorElementType.Float, Dimensions: [_, 3 or -1, _, _] }]
            || session.OutputMetadata.Values.First() is not { ElementDataType: TensorElementType.Float, Dimensions: [_, var classes] } || classes != network.Classes.Count)
            throw new UserException($"{file}: expected a network of {network.Classes.Count} classes, got another one");
        if (OnnxFile.FindDifference(network, session.ModelMetadata.CustomMetadataMap) is { } difference)
            throw new UserException($"{file}: expected the network in {ModelConfig.FileName} beside it, got another one: {difference}");
    }

    public override Tensor ComputeLogits(Batch batch)
    {
        var images = batch.To(CPU).contiguous();
        using var input = OrtValue.CreateTensorValueFromMemory(images.data<float>().ToArray(), images.shape);
        using var outputs = _session.Run(_options, _session.InputNames, [input], _session.OutputNames);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), batch.Count, Network.Classes.Count);
    }

    public override void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
    }
}
