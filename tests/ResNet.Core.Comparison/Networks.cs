using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>Residual networks by torchvision's names.</summary>
internal static class Networks
{
    private const BindingFlags Static = BindingFlags.Public | BindingFlags.Static;

    private static readonly MethodInfo[] models = typeof(torchvision.models).GetMethods(Static);

    /// <summary>TorchVision .NET's residual ones.</summary>
    public static string[] OfTorchVision { get; } = [.. models.Where(IsResidual).Select(method => method.Name)];

    /// <summary>The number of all others that it has.</summary>
    public static int OthersOfTorchVision { get; } = models.Where(method => !IsResidual(method) && method.ReturnType.IsAssignableTo(typeof(nn.Module))).DistinctBy(method => method.Name).Count();

    /// <summary>This library's.</summary>
    public static string[] OfOurs { get; } = [.. OurTypes().Select(type => type.Name.ToLowerInvariant())];

    public static nn.Module<Tensor, Tensor> TorchVision(string name, int num_classes) =>
        (nn.Module<Tensor, Tensor>)Invoke(models.Single(method => method.Name == name), num_classes);

    public static nn.Module<Tensor, Tensor> Ours(string name, int num_classes)
    {
        if (name == "resnet18")
            return new ResNet18(num_classes, Stem.Conv7MaxPool); // its own default is the mirrored code's stem
        var type = OurTypes().Single(type => type.Name.Equals(name.Replace("wide_resnet", "wideresnet", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));
        return (nn.Module<Tensor, Tensor>)type.GetConstructors().Single().Invoke([(long)num_classes, Stem.Conv7MaxPool, null, null]);
    }

    private static IEnumerable<Type> OurTypes() => typeof(ResidualNetwork).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ResidualNetwork)));

    private static bool IsResidual(MethodInfo method) => method.ReturnType == typeof(TorchSharp.Modules.ResNet);

    private static object Invoke(MethodInfo method, int num_classes) =>
        method.Invoke(null, [.. method.GetParameters().Select(parameter => parameter.Name == "num_classes" ? num_classes : parameter.DefaultValue)])!;
}
