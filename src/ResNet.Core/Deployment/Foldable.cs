using ResNet.Core.Family;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Checks that a model can be folded. Everything else is refused by its name in the network: it may compute something else, and the folded network would silently
/// give other outputs.
/// </summary>
/// <param name="model">The model, not disposed.</param>
internal sealed class Foldable(ResidualNetwork model)
{
    private const long MaxPadding = ushort.MaxValue;
    private const double MinNormal = 1.17549435e-38; // in Float32; anything smaller may be rounded to 0

    /// <summary>The first weight. All others must have its device and type.</summary>
    private readonly Tensor weight = model.conv1.weight;

    /// <summary>The batch norms that <c>eval()</c> reaches.</summary>
    private readonly HashSet<BatchNorm2d> registered = [.. model.GetBatchNorms()];

    /// <summary>Throws unless the model is exactly one of this library's networks, without forward hooks.</summary>
    public static void ExpectNetwork(ResidualNetwork model)
    {
        var known = model.GetType();
        while (known.Assembly != typeof(ResidualNetwork).Assembly)
            known = known.BaseType!;
        if (known != model.GetType())
            throw Unexpected($"a {known.Name} itself as the model", DescribeSubclass(model));
        ExpectNoHooks("the model", model);
    }

    /// <summary>Throws unless a module has exactly the given type and no forward hooks.</summary>
    public static T ExpectModule<T>(string name, nn.IModule<Tensor, Tensor> module) where T : nn.Module<Tensor, Tensor>
    {
        if (module.GetType() != typeof(T))
            throw Unexpected($"a {typeof(T).Name} itself as {name}", DescribeSubclass(module));
        ExpectNoHooks(name, (T)module);
        return (T)module;
    }

    /// <summary>Throws unless a module is exactly one of this library's blocks, without forward hooks.</summary>
    public static BlockParts ExpectBlock(string name, nn.IModule<Tensor, Tensor> module)
    {
        var parts = BlockParts.Find(module) ?? throw Unexpected($"a {BlockParts.Kinds} itself as {name}", DescribeSubclass(module));
        ExpectNoHooks(name, (nn.Module<Tensor, Tensor>)module);
        return parts;
    }

    /// <summary>Throws unless a convolution has square strides and zero padding, no bias and no dilation.</summary>
    public Conv2d ExpectConvolution(string name, nn.IModule<Tensor, Tensor> module)
    {
        var conv = ExpectModule<Conv2d>(name, module);
        if (conv.bias is not null)
            throw Unexpected($"{name} without a bias", "one with a bias");
        if (conv.groups < 1 || conv.in_channels % conv.groups != 0 || conv.out_channels % conv.groups != 0)
            throw Unexpected($"{name} with groups into which {conv.in_channels} and {conv.out_channels} channels can be split", $"{conv.groups}");
        if (conv.dilation is not [1, 1])
            throw Unexpected($"{name} with dilation (1, 1)", Format(conv.dilation));
        _ = ExpectEqual($"{name} with the same stride", conv.stride, 1, int.MaxValue);
        if (conv.padding_mode != PaddingModes.Zeros)
            throw Unexpected($"{name} with a padding of zeros", $"{conv.padding_mode}");
        _ = ExpectEqual($"{name} with the same padding", conv.padding, 0, MaxPadding, conv.padding is null ? $"{conv.padding_type}" : null);

        var kernel = ExpectOneType($"{name}.weight", conv.weight).shape is [_, _, _, var size] ? size : 0;
        _ = ExpectOneType($"{name}.weight", conv.weight, conv.out_channels, conv.in_channels / conv.groups, kernel, kernel);
        return conv;
    }

    /// <summary>Throws unless a batch norm has weight, bias and running statistics.</summary>
    public BatchNorm2d ExpectBatchNorm(string name, nn.IModule<Tensor, Tensor> module, long channels)
    {
        var norm = ExpectModule<BatchNorm2d>(name, module);
        Tensor[] tensors =
        [
            ExpectTensor($"{name}.weight", norm.weight, channels), ExpectTensor($"{name}.bias", norm.bias, channels),
            ExpectTensor($"{name}.running_mean", norm.running_mean, channels), ExpectTensor($"{name}.running_var", norm.running_var, channels),
        ];
        var type = tensors[0].dtype;
        if (tensors.Any(tensor => tensor.dtype != type) || (type != weight.dtype && type != ScalarType.Float32))
            throw Unexpected($"{name} of one type, {weight.dtype} or Float32", string.Join(", ", tensors.Select(tensor => tensor.dtype)));
        if (type != ScalarType.Float64 && norm.eps != 0 && Math.Abs(norm.eps) < MinNormal)
            throw Unexpected($"{name} with an eps that Float32 holds", $"{norm.eps}");
        return registered.Contains(norm) ? norm
            : throw Unexpected($"{name} among the network's registered modules", "one that is not, which eval() does not reach");
    }

    public Linear ExpectLinear(string name, nn.IModule<Tensor, Tensor> module)
    {
        var linear = ExpectModule<Linear>(name, module);
        _ = ExpectOneType($"{name}.weight", linear.weight, linear.out_features, linear.in_features);
        _ = ExpectOneType($"{name}.bias", linear.bias, linear.out_features);
        return linear;
    }

    /// <summary>Throws unless a max-pooling has the same parameters in both directions.</summary>
    public static FoldedMaxPool ExpectMaxPool(string name, nn.IModule<Tensor, Tensor> module)
    {
        var pool = ExpectModule<MaxPool2d>(name, module);
        var kernel = ExpectEqual($"{name} with the same kernel_size", pool.kernel_size, 1, MaxPadding);
        var stride = ExpectEqual($"{name} with the same stride", pool.stride, 1, int.MaxValue);
        var padding = ExpectEqual($"{name} with the same padding", pool.padding, 0, kernel / 2); // libtorch refuses more
        if (pool.dilation is not [1, 1])
            throw Unexpected($"{name} with dilation (1, 1)", Format(pool.dilation));
        return pool.ceil_mode ? throw Unexpected($"{name} with ceil_mode = false", "true") : new FoldedMaxPool(name, kernel, stride, padding);
    }

    /// <summary>Throws unless an average pooling reduces to a single pixel.</summary>
    public static void ExpectAveragePool(string name, nn.IModule<Tensor, Tensor> module)
    {
        if (ExpectModule<AdaptiveAvgPool2d>(name, module).output_size is not [1, 1] and var size)
            throw Unexpected($"{name} with output_size (1, 1)", Format(size));
    }

    /// <summary>Returns the tensor. Throws unless all its values are finite.</summary>
    public static Tensor ExpectFinite(string what, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.isfinite().all().item<bool>() ? tensor
            : throw Unexpected($"finite values in {what}, in {tensor.dtype}", "NaN or an infinity");
    }

    public static ArgumentException Unexpected(string expected, string got, string parameter = "model") => new($"Expected {expected}, got {got}.", parameter);

    /// <summary>Returns a parameter. Throws unless it is the same in both directions and within its limits.</summary>
    private static long ExpectEqual(string expected, long[]? values, long least, long most, string? got = null) =>
        values is [var height, var width] && height == width && height >= least && height <= most ? height
        : throw Unexpected($"{expected} in both directions, from {least} to {most}", got ?? Format(values));

    private static void ExpectNoHooks(string name, nn.Module<Tensor, Tensor> module)
    {
        if (ForwardHooks.HasAny(module))
            throw Unexpected($"{name} without forward hooks, which cannot be folded", "a module with at least one: remove it first");
    }

    private static string DescribeSubclass(object module) => $"{module.GetType()}, whose forward pass may differ";

    private Tensor ExpectOneType(string name, Tensor? tensor, params long[] shape)
    {
        var known = ExpectTensor(name, tensor, shape);
        return known.dtype == weight.dtype ? known
            : throw Unexpected($"{name} of the type of the first weight, {weight.dtype}", $"{known.dtype}");
    }

    /// <summary>Throws unless a tensor is floating-point and on the device of the first weight.</summary>
    /// <param name="name">The name in the <c>state_dict</c>.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="shape">The expected shape; empty for any.</param>
    private Tensor ExpectTensor(string name, Tensor? tensor, params long[] shape)
    {
        if (tensor is null)
            throw Unexpected($"a tensor as {name}", "none");
        if (tensor.IsInvalid)
            throw new ObjectDisposedException(name, $"The model's {name} was disposed before the call.");
        if (shape.Length > 0 && !tensor.shape.SequenceEqual(shape))
            throw Unexpected($"{name} of shape {Format(shape)}", Format(tensor.shape));
        if (tensor.device_type == DeviceType.META)
            throw Unexpected($"{name} with values", $"a tensor on {tensor.device}, which has none");
        if (tensor.device_type != weight.device_type || tensor.device_index != weight.device_index)
            throw Unexpected($"{name} where the first weight is, on {weight.device}", $"{tensor.device}");
        if (tensor.dtype is not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
            throw Unexpected($"{name} of a floating-point type", $"{tensor.dtype}");
        return tensor;
    }

    private static string Format(long[]? values) => $"({string.Join(", ", values ?? [])})";
}
