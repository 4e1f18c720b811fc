using ResNet.Core.Deployment;
using ResNet.Core.Files;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>Writes a trained network as a file for ONNX Runtime, OpenVINO, TensorRT and whatever else reads ONNX, without Python.</summary>
/// <remarks>
/// <para>The file needs opset 17 (ONNX 1.12, 2022). What goes in is called <c>input</c>, as with <c>torch.onnx.export</c>, shape
/// <c>(N, 3, H, W)</c> in float32; what comes out <c>logits</c>, shape <c>(N, num_classes)</c>, before softmax. N, H and W are free. Batch
/// normalisations are folded into the convolutions, and layers have their names in the module, such as <c>layer1.0.conv1</c>.</para>
/// <para>The file is replaced whole or not at all, as <see cref="Checkpoint.Save"/> does it. Source: <see href="https://onnx.ai/onnx/repo-docs/IR.html">Open Neural
/// Network Exchange Intermediate Representation</see>.</para>
/// </remarks>
public static class OnnxExporter
{
    /// <summary>Writes the network in float32. The same weights give the same bytes.</summary>
    /// <remarks>
    /// A model of another floating-point type is written in float32, rounded once. An image with NaN or an infinity gets logits that are
    /// not finite, as from the model, in ONNX Runtime at its default level of optimization; below that its max-pooling may lose a NaN.
    /// </remarks>
    /// <param name="model">On any device, in training mode or not: the file answers as it does in eval mode. It is not changed.</param>
    /// <param name="path">The file, which ends in .onnx by custom.</param>
    /// <param name="metadata">What else the file is to say.</param>
    /// <param name="inputName">The input's name.</param>
    /// <param name="outputName">The output's name.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="model"/> or <paramref name="path"/> is null, the model cannot be folded (<see cref="Fusion.Fuse(ResidualNetwork, ScalarType?)"/> says which can),
    /// a weight is not finite in float32, the metadata does not fit the model, a name is empty or that of a layer, or the file would be
    /// larger than 2 GB, more than which ONNX files do not hold.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/> was disposed.</exception>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder is not there, the disk is full, it would be larger than a file may be, it is a device or a
    /// FIFO, or, on Windows, another program has it open. What was there before still is.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The file is read-only or a folder, or it or its folder may not be written.</exception>
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
    /// Writes the network quantised to 8 bits: a quarter of the size, and with ONNX Runtime on x64 processors with AVX-512 VNNI several
    /// times as fast as in float32, at the cost of small differences in the answers.
    /// </summary>
    /// <remarks>
    /// <para>Weights are int8 with a scale for each output channel, what goes from layer to layer is uint8, biases are int32, and the
    /// logits float32. Calibration batches show between which values lies what goes from layer to layer. A few hundred pictures do, from
    /// the training set and prepared as for predictions; accuracy is to be measured with others.</para>
    /// <para>8 bits hold neither NaN nor infinities. ONNX Runtime on x64 processors takes NaN and -∞ in an image for the least value of the
    /// calibration, +∞ for the largest, and answers with ordinary numbers: look at images before, where they may have such values.</para>
    /// <para>The file has QuantizeLinear and DequantizeLinear around every operator, of which runtimes make operators on 8 bits.
    /// On x64 processors without VNNI, sums of 8-bit products may saturate in ONNX Runtime, which costs accuracy. Source: Jacob et al.,
    /// "Quantization and Training of Neural Networks" (arXiv:1712.05877); Wu et al., "Integer Quantization for Deep Learning
    /// Inference" (arXiv:2004.09602).</para>
    /// </remarks>
    /// <param name="model">On any device, in training mode or not: the file answers as it does in eval mode. It is not changed.</param>
    /// <param name="calibrationBatches">
    /// Pictures of shape <c>(N, 3, H, W)</c>, of the weights' type and on their device. They are gone through once and not disposed.
    /// </param>
    /// <param name="path">The file, which ends in .onnx by custom.</param>
    /// <param name="metadata">What else the file is to say.</param>
    /// <param name="inputName">The input's name.</param>
    /// <param name="outputName">The output's name.</param>
    /// <exception cref="ArgumentException">
    /// As for <see cref="Export"/>; or <paramref name="calibrationBatches"/> is null or has no pictures, a batch has another shape, type or
    /// device than the model takes, or a value in it, or one that the model makes of it, is not finite.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><paramref name="model"/> or a batch was disposed.</exception>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder is not there, the disk is full, it would be larger than a file may be, it is a device or a
    /// FIFO, or, on Windows, another program has it open. What was there before still is.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The file is read-only or a folder, or it or its folder may not be written.</exception>
    public static void ExportInt8(
        ResidualNetwork model, IEnumerable<Tensor> calibrationBatches, string path, OnnxMetadata? metadata = null, string inputName = "input", string outputName = "logits")
    {
        ArgumentNullException.ThrowIfNull(calibrationBatches);
        ArgumentException.ThrowIfNullOrEmpty(path);
        Guard.Name(inputName);
        Guard.Name(outputName);
        using var network = Fold(model, sizeof(sbyte));
        var graph = new OnnxGraph(network.Name, inputName, outputName);
        var operations = new QuantizedOnnxOperations(graph, Calibration.Calibrate(model, network, calibrationBatches), outputName);
        network.Forward(operations, operations.Quantize(Calibration.Input, inputName));
        Write(graph, network, path, metadata);
    }

    /// <param name="model">Its classifier alone can be too large for a file: that is found out before it is copied.</param>
    /// <param name="bytes">A weight takes so many in the file.</param>
    private static FoldedNetwork Fold(ResidualNetwork model, int bytes)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.fc.weight is { IsInvalid: false } weight && weight.numel() > ProtoMessage.LargestSize / bytes)
            throw ProtoMessage.TooLarge(weight.numel() * bytes);
        return Folding.Fold(model, ScalarType.Float32);
    }

    private static void Write(OnnxGraph graph, FoldedNetwork network, string path, OnnxMetadata? metadata)
    {
        var classes = network.Classifier.Bias.shape[0];
        var file = graph.Model(network.Conv1.InChannels, classes, OnnxMetadataText.Of(metadata, classes));
        AtomicFile.Write(path, file.WriteTo);
    }
}
