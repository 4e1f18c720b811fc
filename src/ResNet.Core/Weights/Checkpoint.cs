using ResNet.Core.Files;
using ResNet.Core.Weights;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Loads and saves weights in PyTorch's formats without Python: <c>.pth</c> files of <c>torch.save(model.state_dict(), …)</c> and
/// <c>.safetensors</c>. Also loads residual networks from <c>.onnx</c> files.
/// </summary>
/// <remarks>
/// Loading an untrusted file is safe: no code in it runs, and its size bounds time and memory. Both methods work for any TorchSharp module, not only
/// for this library's. An ONNX file loads into a module with exactly one <see cref="ResidualNetwork"/>.
/// </remarks>
public static class Checkpoint
{
    /// <summary>Copies weights from a file into a module. If loading fails, the module is unchanged.</summary>
    /// <remarks>
    /// <para>The content decides on the format, not the file name: the zip format of <c>torch.save</c> (since PyTorch 1.6), its legacy format
    /// (PyTorch 0.1.10 to 1.5), safetensors, or ONNX. Only the zip format has checksums; in the others, corrupted numbers go unnoticed.</para>
    /// <para>A file of <c>torch.save</c> can hold more than weights, such as an optimizer's state. <c>Load</c> takes the one dictionary of tensors that
    /// fits the module, under any key and at any depth. It strips one prefix that a wrapper may have put before the module's names (<c>module.</c>,
    /// <c>_orig_mod.</c>, <c>model.backbone.</c>), and skips the <c>n_averaged</c> of PyTorch's <c>AveragedModel</c>. It refuses a file in which two
    /// dictionaries or two prefixes fit equally well, such as a model and its moving average. Torchvision's <c>downsample</c> maps to this library's
    /// <c>shortcut</c>.</para>
    /// <para>Networks with different <see cref="Stem"/>s can have the same tensors. Files of <see cref="Save"/> record their stem; other files under
    /// torchvision's names are for <see cref="Stem.Conv7MaxPool"/>. They load into a network with another stem only if <paramref name="strict"/> is false, and
    /// the report mentions it.</para>
    /// <para>The module's tensors keep their type and device. Values are converted, as in PyTorch.</para>
    /// <para>In an ONNX file the graph decides, not the names: from the images to the logits it must compute a residual network with this library's stems, blocks
    /// and classifier. The report uses the library's names. Files of <see cref="OnnxExporter"/> and of <c>torch.onnx.export</c> load, among others. A batch norm
    /// that was folded into its convolution is replaced by one that gives the same output in eval mode: scale 1, the convolution's bias, mean 0 and a variance of
    /// 1 - eps. Its learned parameters and statistics are then part of the convolution's weights. Operators before the first convolution and after the classifier,
    /// such as a scaling of the images or a softmax, are <see cref="LoadReport.Unexpected"/>. Any other difference, such as another block, activation or eps, or
    /// quantization, is refused even if <paramref name="strict"/> is false.</para>
    /// <para>Files from before batch norms had <c>num_batches_tracked</c> do not hold it. As in PyTorch, it then keeps its value and is not reported as
    /// missing.</para>
    /// <para>Loading needs memory for one copy of the weights in the file, in addition to the module. The description of the weights takes at most about 45
    /// times the length of the file's pickles and never more than 200 MB; about 15 times the length of a safetensors header; or less than 60 times the length of
    /// an ONNX graph without its tensors, which is limited to 4 MB.</para>
    /// </remarks>
    /// <param name="module">The module whose parameters and persistent buffers are overwritten in place.</param>
    /// <param name="path">The path of the file.</param>
    /// <param name="strict">
    /// Whether names, shapes and stem must match exactly. If false, the tensors that fit are copied, and the report lists the rest.
    /// </param>
    /// <returns>A report of what was loaded and what was not.</returns>
    /// <exception cref="InvalidDataException">
    /// The file has none of the formats, is damaged, or contains something that no <c>state_dict</c> needs; its ONNX graph is not one of this library's networks, or
    /// the module does not contain exactly one network; nothing in the file fits, or more than one <c>state_dict</c> does; or <paramref name="strict"/> is true and
    /// the file does not match the module. The message then names the tensors that are missing, unexpected or of another shape.
    /// </exception>
    /// <exception cref="IOException">The file does not exist (<see cref="FileNotFoundException"/>) or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The process has no permission to read the file.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="module"/> is null, has neither parameters nor buffers (perhaps because it was disposed), or has a tensor that cannot be written to, such as
    /// an expanded one or one on the meta device; or <paramref name="path"/> is null or empty.
    /// </exception>
    public static LoadReport Load(nn.Module module, string path, bool strict = true)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);

        var (state, networks) = (StateDict.Read(module), StateDict.FindNetworks(module));
        using var file = RegularFile.OpenRead(path);
        try
        {
            var candidate = StateDictSelector.Select(module.GetType().Name, state, WeightsFile.Read(file, networks), strict);
            var match = StateDictMatch.Create(state, networks, candidate);
            if (match.IsEmpty || (strict && !match.Report.IsComplete))
            {
                var advice = match.DiffersOnlyInClassifier(networks, candidate) ? "; strict: false loads the rest" : "";
                throw new InvalidDataException($"does not fit {module.GetType().Name}: {DepthMismatch.Describe(networks, state, candidate)}{match.Report}{NetworkMetadata.DescribeClassMismatch(networks, candidate, match.Report)}{advice}");
            }
            match.Copy(file.SafeFileHandle);
            return match.Report;
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Writes a module's parameters and persistent buffers to a file, in PyTorch's order.</summary>
    /// <remarks>
    /// <para>The file is written in the same folder under a random name (<c>resnet-core-….partial</c>), flushed to disk, and then renamed. Whatever
    /// happens, <paramref name="path"/> holds either the complete old file or the complete new one. If several processes save to one path at the same time,
    /// the last to finish wins. The next save removes temporary files of killed processes; those of another machine or on a network file system, after an hour.
    /// The new file keeps the old one's permissions, and on Linux also its access control list and, if the process may set them, its owner and group. If the
    /// path is a link, its target is replaced.</para>
    /// <para>The same weights give the same bytes. The file's metadata records the stem and the number of classes of each of this library's networks in the
    /// module; PyTorch preserves it.</para>
    /// <para>With <see cref="WeightNames.Torchvision"/>, torchvision's network of the same name loads the file with <c>load_state_dict(strict=True)</c> and then
    /// gives the same outputs. <see cref="BasicBlock"/> and <see cref="Bottleneck"/> get torchvision's names wherever they are in the module; all other modules
    /// keep their own.</para>
    /// </remarks>
    /// <param name="module">The module to save, on any device.</param>
    /// <param name="path">
    /// The path of the file. Its extension selects the format: <c>.pth</c> or <c>.pt</c> for <c>torch.load</c>, also with <c>weights_only=True</c>; or
    /// <c>.safetensors</c>.
    /// </param>
    /// <param name="names">The naming scheme of the tensors in the file.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="names"/> is not one of the <see cref="WeightNames"/>.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="module"/> is null or has neither parameters nor buffers (perhaps because it was disposed); <paramref name="path"/> is null or has another
    /// extension; the formats do not support a tensor's type or name; or, with <see cref="WeightNames.Torchvision"/>, two tensors would get the same name, or a
    /// network has a stem other than <see cref="Stem.Conv7MaxPool"/>, so that torchvision's network would give other outputs.
    /// </exception>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder does not exist, the disk is full, a file size limit is exceeded, the path is a device or a FIFO, or, on Windows,
    /// another program has the file open. The old file is unchanged.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The path is a read-only file or a folder, or the process may not write to the file or its folder.</exception>
    public static void Save(nn.Module module, string path, WeightNames names = WeightNames.ResNetCore)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);
        Guard.Defined(names);

        var write = Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".PTH" or ".PT" => TorchArchiveWriter.Write,
            ".SAFETENSORS" => (Action<Stream, IReadOnlyList<NamedTensor>, IReadOnlyList<NamedNetwork>>)SafeTensorsWriter.Write,
            _ => throw new ArgumentException($"Expected a file name ending in .pth, .pt or .safetensors, got '{path}'.", nameof(path)),
        };
        var (state, networks) = (StateDict.Read(module), StateDict.FindNetworks(module));
        if (names == WeightNames.Torchvision)
            state = TorchvisionNames.Rename(state, networks);
        AtomicFile.Write(path, stream => write(stream, state, networks));
    }
}
