using ResNet.Core.Files;
using ResNet.Core.Weights;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Weights in files, as PyTorch and the rest of its world read and write them, without Python: <c>.pth</c> files of
/// <c>torch.save(model.state_dict(), …)</c> and <c>.safetensors</c>. And residual networks out of <c>.onnx</c> files.
/// </summary>
/// <remarks>
/// A file can do no harm, wherever it comes from: nothing in it is run, and time and memory are bounded by its size. It works
/// for any TorchSharp module, not only those of this library; an ONNX file for a module with one <see cref="ResidualNetwork"/>.
/// </remarks>
public static class Checkpoint
{
    /// <summary>Copies weights from a file into a module. What cannot be loaded leaves the module as it was.</summary>
    /// <remarks>
    /// <para>The format is told by the content, whatever the file is called: the zip format of <c>torch.save</c> (PyTorch 1.6 to
    /// today), the format that it wrote before (PyTorch 0.1.10 to 1.5), safetensors, or ONNX. Only the first has checksums: in the
    /// others a number that was damaged on its way is another number.</para>
    /// <para>A file of <c>torch.save</c> can hold more than weights, such as an optimizer's state. The one dictionary of tensors
    /// that fits the module is taken, under whatever key and however deep it lies. Names can have one prefix before the module's own, as wrappers put
    /// there (<c>module.</c>, <c>_orig_mod.</c>, <c>model.backbone.</c>): it is taken off, and the <c>n_averaged</c> of PyTorch's
    /// AveragedModel is passed over. Two dictionaries or two prefixes that fit equally, such as a model and its moving average, are refused. Torchvision's
    /// <c>downsample</c> is this library's <c>shortcut</c>.</para>
    /// <para>Networks of different <see cref="Stem"/>s can have the same tensors. Files of <see cref="Save"/> say which stem they are for, and others
    /// under torchvision's names are for <see cref="Stem.Conv7MaxPool"/>: into another stem they load where <paramref name="strict"/> is false, and the report says so.</para>
    /// <para>The type and the device of the module's tensors stay: what is copied is converted, as in PyTorch.</para>
    /// <para>Of an ONNX file the graph decides and no name: it is gone through from the images to the logits, and what it computes has to be a residual network with this
    /// library's stems, blocks and classifier. The report has the library's names. Files of <see cref="OnnxExporter"/> and of <c>torch.onnx.export</c> load, among others. A batch norm that
    /// was folded into its convolution becomes one that answers the same in eval mode: with scale 1, the convolution's bias, mean 0 and a variance that makes 1 of it. What it had learned of
    /// its own, statistics included, is in the convolution's weights then. Operators before the first convolution and behind the classifier, such as a scaling of the images or a softmax,
    /// are <see cref="LoadReport.Unexpected"/>. Whatever else differs, such as another block or activation, another eps, or 8 bits, is refused, <paramref name="strict"/> or not.</para>
    /// <para>Files that were written before a batch norm had <c>num_batches_tracked</c> hold none; as in PyTorch,
    /// it is then left alone and not missed.</para>
    /// <para>Beside the module's own weights, memory for one copy of those in the file is needed. What the file says of them takes at most
    /// about 45 times the length of its pickles and never more than 200 MB, about 15 times the length of a safetensors header, or less than 60 times that of an ONNX graph without its tensors, which may have 4 MB.</para>
    /// </remarks>
    /// <param name="module">Any module. Its parameters and persistent buffers are overwritten in place.</param>
    /// <param name="path">The file.</param>
    /// <param name="strict">
    /// Whether the names, the shapes and the stem of the file have to be exactly the module's. If not, what fits is copied, and the report says what did not.
    /// </param>
    /// <returns>What was loaded, and what was not.</returns>
    /// <exception cref="InvalidDataException">
    /// The file is of none of the formats, is damaged, or holds what a <c>state_dict</c> does not need; its graph is no residual network of this library, or the module does not have one; or, where
    /// <paramref name="strict"/>, it does not fit: the message then names what is missing, unexpected or of another shape. Or nothing in it fits, or more
    /// than one <c>state_dict</c> does.
    /// </exception>
    /// <exception cref="IOException">The file is not there (<see cref="FileNotFoundException"/>) or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="module"/> is null, has neither parameters nor buffers, as when it was disposed, or has a tensor that cannot be written to, such as an
    /// expanded one or one on the meta device; or <paramref name="path"/> is null or empty.
    /// </exception>
    public static LoadReport Load(nn.Module module, string path, bool strict = true)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);

        var (state, networks) = (ModuleState.Of(module), ModuleState.Networks(module));
        using var file = RegularFile.OpenRead(path);
        try
        {
            var reading = StateDictChoice.Of(module.GetType().Name, state, WeightsFile.Read(file, networks), strict);
            var match = Match.Of(state, networks, reading);
            if (match.IsEmpty || (strict && !match.Report.IsComplete))
                throw new InvalidDataException($"does not fit {module.GetType().Name}: {match.Report}{DepthMismatch.Describe(networks, state, reading)}{NetworkMetadata.ClassesMismatch(networks, reading, match.Report)}");
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
    /// <para>The file is written beside its place under a random name (<c>resnet-core-….partial</c>), flushed to the disk and then renamed:
    /// whatever happens, under <paramref name="path"/> is the old file or the new one, whole. Of several that save to one path at the same
    /// time the last to finish wins. What a killed process has left in the folder, the next save removes; what another machine has left,
    /// or what lies on a network file system, after an hour. The new file has the old one's permissions; on Linux also its access control
    /// list, and its owner and group where the process may set them. A link stays one: what it points to is replaced.</para>
    /// <para>The same weights give the same bytes. What the networks of this library in the module are, their stem and their number of
    /// classes, stands in the file's metadata, which PyTorch keeps.</para>
    /// <para>Under <see cref="WeightNames.Torchvision"/> a network's file is for <c>load_state_dict(strict=True)</c> of torchvision's network of
    /// that name, which then answers as this one does. <see cref="BasicBlock"/>s and <see cref="Bottleneck"/>s have torchvision's names wherever in the module they are;
    /// all others keep their own.</para>
    /// </remarks>
    /// <param name="module">Any module, on any device. It is not changed.</param>
    /// <param name="path">
    /// The file. Its extension chooses the format: <c>.pth</c> or <c>.pt</c> for <c>torch.load</c>, <c>weights_only=True</c> included,
    /// or <c>.safetensors</c>.
    /// </param>
    /// <param name="names">Whose names the tensors have in the file.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="names"/> is not one of the <see cref="WeightNames"/>.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="module"/> is null or has neither parameters nor buffers, as when it was disposed, <paramref name="path"/> is null or has
    /// another extension, or a tensor has a type or a name that the formats lack. Or, under
    /// <see cref="WeightNames.Torchvision"/>, a network has another stem than <see cref="Stem.Conv7MaxPool"/>, with whose weights torchvision's would answer differently,
    /// or two tensors would have one name.
    /// </exception>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder is not there, the disk is full, it would be larger than a file may be, it is a device or a
    /// FIFO, or, on Windows, another program has it open. What was there before still is.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The file is read-only or a folder, or it or its folder may not be written.</exception>
    public static void Save(nn.Module module, string path, WeightNames names = WeightNames.ResNetCore)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(path);
        Guard.Defined(names);

        var write = Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".PTH" or ".PT" => TorchArchiveWriter.Write,
            ".SAFETENSORS" => (Action<Stream, IReadOnlyList<NamedTensor>, IReadOnlyList<NamedNetwork>>)SafeTensorsWriter.Write,
            _ => throw new ArgumentException($"Expected a file name that ends in .pth, .pt or .safetensors, got '{path}'.", nameof(path)),
        };
        var (state, networks) = (ModuleState.Of(module), ModuleState.Networks(module));
        if (names == WeightNames.Torchvision)
            state = TorchvisionNames.Rename(state, networks);
        AtomicFile.Write(path, stream => write(stream, state, networks));
    }
}
