using ResNet.Core.Deployment;
using ResNet.Core.Files;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Exports a trained network to ONNX without Python, for ONNX Runtime, OpenVINO, TensorRT and other runtimes.</summary>
/// <remarks>
/// <para>The file needs opset 17 (ONNX 1.12, 2022). The input is named <c>input</c>, as with <c>torch.onnx.export</c>, shape <c>(N, 3, H, W)</c> in float32. The output is
/// named <c>logits</c>, shape <c>(N, num_classes)</c>, before softmax. N, H and W are dynamic. Batch norms are folded into the convolutions, and nodes are named
/// like the layers in the module, such as <c>layer1.0.conv1</c>.</para>
/// <para>The file is replaced atomically, as with <see cref="Checkpoint.Save"/>. Source: <see href="https://onnx.ai/onnx/repo-docs/IR.html">Open Neural
/// Network Exchange Intermediate Representation</see>.</para>
/// </remarks>
public static class OnnxExporter
{
    /// <summary>Exports a network in float32. The same weights give the same bytes.</summary>
    /// <remarks>
    /// A model of another floating-point type is rounded once to float32. As with the model, an image with NaN or infinity gets logits that are not finite, in ONNX Runtime
    /// at its default optimization level; at lower levels its max-pooling may lose a NaN.
    /// </remarks>
    /// <param name="model">The model, on any device. The exported network computes its outputs in eval mode. The model is not changed.</param>
    /// <param name="path">The path of the file, with the extension .onnx by convention.</param>
    /// <param name="metadata">Additional information to store in the file.</param>
    /// <param name="inputName">The name of the input.</param>
    /// <param name="outputName">The name of the output.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="model"/> or <paramref name="path"/> is null, the model cannot be folded (see <see cref="FuseExtensions.Fuse(ResidualNetwork, ScalarType?)"/>), a weight is not finite in float32, the
    /// metadata does not match the model, a name is empty or that of a layer, or the file would exceed 2 GB, the limit of ONNX files.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/> was disposed.</exception>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder does not exist, the disk is full, a file size limit is exceeded, the path is a device or a FIFO, or, on Windows,
    /// another program has the file open. The old file is unchanged.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The path is a read-only file or a folder, or the process may not write to the file or its folder.</exception>
    public static void Export(ResidualNetwork model, string path, OnnxMetadata? metadata = null, string inputName = "input", string outputName = "logits")
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Guard.Name(inputName);
        Guard.Name(outputName);
        using var network = Fold(model, sizeof(float));
        var graph = new OnnxGraph(network.Name, inputName, outputName);
        network.Forward(new OnnxOperations(graph, outputName), inputName);
        Write(graph, network, path, metadata);
    }

    /// <summary>
    /// Exports a network quantized to 8 bits: a quarter of the size and, with ONNX Runtime on x64 processors with AVX-512 VNNI, several times as fast as float32, at the
    /// cost of small differences in the outputs.
    /// </summary>
    /// <remarks>
    /// <para>Weights are int8 with a scale per output channel, activations uint8, biases int32, and the logits float32. The calibration batches determine the ranges of the
    /// activations. A few hundred images from the training set, preprocessed as for predictions, are enough; measure the accuracy with other images.</para>
    /// <para>8 bits can represent neither NaN nor infinity. On x64 processors, ONNX Runtime replaces NaN and -∞ in an image with the minimum of the calibration and +∞ with
    /// the maximum, and returns ordinary numbers. Check images first if they may contain such values.</para>
    /// <para>The file has QuantizeLinear and DequantizeLinear around every operator, which runtimes merge into operators on 8 bits. On x64 processors without VNNI, sums of
    /// 8-bit products may saturate in ONNX Runtime, which costs accuracy. Source: Jacob et al.,
    /// "Quantization and Training of Neural Networks" (arXiv:1712.05877); Wu et al., "Integer Quantization for Deep Learning
    /// Inference" (arXiv:2004.09602).</para>
    /// </remarks>
    /// <param name="model">The model, on any device. The exported network computes its outputs in eval mode. The model is not changed.</param>
    /// <param name="calibrationBatches">
    /// Batches of images, shape <c>(N, 3, H, W)</c>, with the type and device of the weights. They are enumerated once and not disposed.
    /// </param>
    /// <param name="path">The path of the file, with the extension .onnx by convention.</param>
    /// <param name="metadata">Additional information to store in the file.</param>
    /// <param name="inputName">The name of the input.</param>
    /// <param name="outputName">The name of the output.</param>
    /// <exception cref="ArgumentException">
    /// As for <see cref="Export"/>; or <paramref name="calibrationBatches"/> is null or has no images, a batch does not have the shape, type or device that the model
    /// expects, or a batch or an activation has a value that is not finite.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/> or a batch was disposed.</exception>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder does not exist, the disk is full, a file size limit is exceeded, the path is a device or a FIFO, or, on Windows,
    /// another program has the file open. The old file is unchanged.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The path is a read-only file or a folder, or the process may not write to the file or its folder.</exception>
    public static void ExportInt8(
        ResidualNetwork model, IEnumerable<Tensor> calibrationBatches, string path, OnnxMetadata? metadata = null, string inputName = "input", string outputName = "logits")
    {
        ArgumentNullException.ThrowIfNull(calibrationBatches);
        ArgumentException.ThrowIfNullOrEmpty(path);
        Guard.Name(inputName);
        Guard.Name(outputName);
        using var network = Fold(model, sizeof(sbyte));
        var graph = new OnnxGraph(network.Name, inputName, outputName);
        var operations = new QuantizedOnnxOperations(graph, Calibration.Calibrate(model, network, calibrationBatches).Quantizations, outputName);
        network.Forward(operations, operations.Quantize(Calibration.Input, inputName));
        Write(graph, network, path, metadata);
    }

    /// <summary>Folds the model. A classifier that alone is too large for a file is refused before it is copied.</summary>
    /// <param name="model">The model.</param>
    /// <param name="bytes">The number of bytes of a weight in the file.</param>
    private static FoldedNetwork Fold(ResidualNetwork model, int bytes)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.fc.weight is { IsInvalid: false } weight && weight.numel() > ProtoMessage.MaxSize / bytes)
            throw ProtoMessage.TooLarge(weight.numel() * bytes);
        return Folding.Fold(model, ScalarType.Float32);
    }

    private static void Write(OnnxGraph graph, FoldedNetwork network, string path, OnnxMetadata? metadata)
    {
        var classes = network.Classifier.Bias.shape[0];
        var file = graph.CreateModel(network.Conv1.InChannels, classes, OnnxMetadataProperties.Create(metadata, classes));
        AtomicFile.Write(path, file.WriteTo);
    }
}
