using static TorchSharp.torch;

namespace ResNet.Core.Family;

/// <summary>The names of a block's skip connection, the only submodule with another name in torchvision.</summary>
internal static class ShortcutName
{
    public const string Own = SinglePixel.Shortcut;
    public const string Torchvision = "downsample";

    /// <summary>Torchvision's name of a submodule. Only the <c>shortcut</c> of this library's blocks is renamed, not that of a user's module.</summary>
    public static string ToTorchvision(nn.Module parent, string name) => name == Own && parent is BasicBlock or Bottleneck ? Torchvision : name;
}
