using static TorchSharp.torch;

namespace ResNet.Core.Family;

/// <summary>The one submodule that is called otherwise in torchvision: a block's skip connection.</summary>
internal static class ShortcutName
{
    public const string Own = SinglePixel.Shortcut;
    public const string Torchvision = "downsample";

    /// <summary>What torchvision calls a submodule. Only this library's blocks have another word for one: whoever else calls a part <c>shortcut</c> means it.</summary>
    public static string InTorchvision(nn.Module parent, string name) => name == Own && parent is BasicBlock or Bottleneck ? Torchvision : name;
}
