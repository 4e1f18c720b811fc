using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// The same network by oneDNN's fused operations: a convolution with its bias and residual addition is one pass over memory in place
/// of three, and the weights are ordered once as its kernels read them and not in every call.
/// </summary>
/// <remarks>
/// <para>libtorch has these operations for what <c>torch.compile</c> makes on CPUs. TorchSharp does not reach them, TorchScript does: the
/// forward pass is a few lines of it, to which the weights are arguments.</para>
/// <para>They would apply a ReLU in the same pass, but oneDNN's turns NaN into 0, and an image with NaN would get an answer like any other.
/// libtorch's own keeps it, in place and as fast: what the convolution wrote is still in the cache.</para>
/// </remarks>
internal sealed class OneDnnResNet18 : InferenceNetwork
{
    private const string None = "annotate(List[Optional[number]], []), None"; // an activation's parameters and variant

    private readonly TorchScript _script;
    private readonly Tensor[] _convolutions; // weight, bias, weight, bias …
    private readonly Tensor _fcWeight, _fcBias;

    /// <summary>
    /// Where libtorch surely has the operations, and they are worth it: with a script that names one that it has not, it ends
    /// the process.
    /// </summary>
    public static bool CanRun(FoldedNetwork network) =>
        network.FcWeight is { device_type: DeviceType.CPU, dtype: ScalarType.Float32 } &&
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows());

    /// <param name="network">Is copied.</param>
    public OneDnnResNet18(FoldedNetwork network)
        : this(network, Copy(network.FcWeight))
    {
    }

    private OneDnnResNet18(FoldedNetwork network, Tensor fcWeight)
        : base(fcWeight)
    {
        _script = new TorchScript(Script(network));
        _convolutions = [.. network.Convolutions.SelectMany(folded => new[] { Pack(folded), Copy(folded.Bias) })];
        _fcWeight = fcWeight;
        _fcBias = Copy(network.FcBias);

        Tensor Pack(FoldedConvolution folded) => _script.Call("pack", folded.Weight, (int)folded.Stride, (int)folded.Padding).DetachFromDisposeScope();
    }

    private static Tensor Copy(Tensor tensor) => tensor.clone().DetachFromDisposeScope();

    protected override IEnumerable<IDisposable> Resources => [.. _convolutions, _fcWeight, _fcBias, _script];

    protected override Tensor Logits(Tensor x)
    {
        using var scope = NewDisposeScope();
        var pictures = x.to(_fcWeight.dtype).ToMemoryFormat(memory_format.channels_last);
        return _script.Call("forward", pictures, _convolutions, _fcWeight, _fcBias).MoveToOuterDisposeScope();
    }

    /// <summary>Written out line by line for the network at hand, as the serialised form of TorchScript has no functions of its own.</summary>
    private static string Script(FoldedNetwork network)
    {
        var convolutions = network.Convolutions.ToList();
        var lines = new StringBuilder();

        Line($"x = torch.relu_({Convolve("x", network.Conv1)})");
        if (network.Stem == Stem.Conv7MaxPool)
            Line("x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], False)");
        foreach (var block in network.Blocks)
        {
            Line($"out = torch.relu_({Convolve("x", block.Conv1)})");
            if (block.Shortcut is not null)
                Line($"x = {Convolve("x", block.Shortcut)}");
            // relu(x + conv2(out)), in the place of x
            Line($"x = torch.relu_(ops.mkldnn._convolution_pointwise_(x, out, {Arguments(block.Conv2)}, \"add\", 1.0, None, {None}))");
        }
        Line("x = torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1)");
        Line("return torch.linear(x, fc_weight, fc_bias)");

        return $"""
            def pack(self, weight: Tensor, stride: int, padding: int) -> Tensor:
                return torch.mkldnn_reorder_conv2d_weight(torch.to_mkldnn(weight), [padding, padding], [stride, stride], [1, 1], 1)
            def forward(self, x: Tensor, w: List[Tensor], fc_weight: Tensor, fc_bias: Tensor) -> Tensor:
            {lines}
            """;

        void Line(string line) => lines.Append("    ").Append(line).Append('\n');

        string Convolve(string x, FoldedConvolution folded) => $"ops.mkldnn._convolution_pointwise({x}, {Arguments(folded)}, \"none\", {None})";

        // Weight, bias, padding, stride, dilation, groups
        string Arguments(FoldedConvolution folded)
        {
            var index = 2 * convolutions.FindIndex(each => ReferenceEquals(each, folded));
            return $"w[{index}], w[{index + 1}], [{folded.Padding}, {folded.Padding}], [{folded.Stride}, {folded.Stride}], [1, 1], 1";
        }
    }
}
