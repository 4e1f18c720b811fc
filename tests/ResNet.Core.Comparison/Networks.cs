using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>Creates residual networks by torchvision's names.</summary>
internal static class Networks
{
    private const BindingFlags Static = BindingFlags.Public | BindingFlags.Static;

    private static readonly MethodInfo[] models = typeof(torchvision.models).GetMethods(Static);

    /// <summary>The names of TorchVision .NET's residual networks.</summary>
    public static string[] TorchVisionNames { get; } = [.. models.Where(IsResidual).Select(method => method.Name)];

    /// <summary>The number of TorchVision .NET's other networks.</summary>
    public static int TorchVisionOtherCount { get; } = models.Where(method => !IsResidual(method) && method.ReturnType.IsAssignableTo(typeof(nn.Module))).DistinctBy(method => method.Name).Count();

    /// <summary>The names of this library's networks.</summary>
    public static string[] OurNames { get; } = [.. FindOurTypes().Select(type => type.Name.ToLowerInvariant())];

    public static nn.Module<Tensor, Tensor> CreateTorchVision(string name, int num_classes) =>
        (nn.Module<Tensor, Tensor>)Invoke(models.Single(method => method.Name == name), num_classes);

    public static nn.Module<Tensor, Tensor> CreateOurs(string name, int num_classes)
    {
        if (name == "resnet18")
            return new ResNet18(num_classes, Stem.Conv7MaxPool); // torchvision's stem, which is not ResNet18's default
        var type = FindOurTypes().Single(type => type.Name.Equals(name.Replace("wide_resnet", "wideresnet", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));
        return (nn.Module<Tensor, Tensor>)type.GetConstructors().Single().Invoke([(long)num_classes, Stem.Conv7MaxPool, null, null]);
    }

    private static IEnumerable<Type> FindOurTypes() => typeof(ResidualNetwork).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ResidualNetwork)));

    private static bool IsResidual(MethodInfo method) => method.ReturnType == typeof(TorchSharp.Modules.ResNet);

    private static object Invoke(MethodInfo method, int num_classes) =>
        method.Invoke(null, [.. method.GetParameters().Select(parameter => parameter.Name == "num_classes" ? num_classes : parameter.DefaultValue)])!;
}
