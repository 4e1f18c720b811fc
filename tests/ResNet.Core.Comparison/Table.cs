using TorchSharp;

namespace ResNet.Core.Comparison;

/// <summary>The comparison, as a table in Markdown.</summary>
internal static class Table
{
    public static void Print()
    {
        using var temporary = new TempFolder();
        var folder = temporary.Path;
        var results = StrangeFiles.Run(folder);
        Child.LinesOfTorchvision("answers", folder);
        var answers = new Answers(folder);
        var ours = Initial.Compare(Networks.OfOurs.Select(name => name.Replace("wideresnet", "wide_resnet", StringComparison.Ordinal)), Networks.Ours);
        var theirs = Initial.Compare(Networks.OfTorchVision, Networks.TorchVision);

        Console.WriteLine();
        Row("", "ResNet.Core", "TorchVision .NET", "TorchSharp.PyBridge");
        Row("---", "---", "---", "---");
        Row("version", Version(typeof(ResNet18)), Version(typeof(torchvision)), Version(typeof(TorchSharp.PyBridge.PyBridgeModuleExtensions)));
        Row($"of torchvision's {Initial.Count} residual networks, same tensors", Named(ours.SameShapes), Named(theirs.SameShapes), "none");
        Row("of these, same initial weights for a seed", Named(ours.SameValues), Named(theirs.SameValues), "none");
        Row("other networks", "0", $"{Networks.OthersOfTorchVision}", "0");
        Row("transforms; operations; data sets", "0", $"{Surface.Methods(typeof(torchvision.transforms))}; {Surface.Methods(typeof(torchvision.ops))}; {Surface.Methods(typeof(torchvision.datasets))}", "0");
        foreach (var file in (string[])["resnet50.pth", "checkpoint.pth", "resnet50.safetensors", "resnet50.dat"])
            Row(file, [.. Loader.All.Select(loader => answers.Compare(loader, file))]);
        Row("strange files", [.. Loader.All.Select(loader => StrangeFiles.Summary(results, loader.Name))]);
        Row("ONNX", Subject("onnx"));
        Row("int8", Subject("int8", "quanti"));
        Row("mixed precision", Subject("autocast", "gradscaler"));
        Row($"{Loop.Iterations} predictions of 8 images without a scope", $"{Child.Run("loop", Loader.ResNetCore.Name)} MB", $"{Child.Run("loop", Loader.TorchVision.Name)} MB", "no network");
        Console.WriteLine();
        Console.WriteLine($"PyTorch itself, torch.load(weights_only=True) and load_state_dict(strict=True), of the .pth files: {StrangeFiles.Summary(results, StrangeFiles.PyTorch)}");
        Console.WriteLine($"TorchSharp {Version(typeof(torch))} itself: ONNX {Surface.Names("TorchSharp", "onnx")}; int8 {Surface.Names("TorchSharp", "int8", "quanti")}; mixed precision {Surface.Names("TorchSharp", "autocast", "gradscaler")}");
    }

    private static string[] Subject(params string[] words) => [Surface.Names("ResNet.Core", words), Surface.Names("TorchVision", words), Surface.Names("TorchSharp.PyBridge", words)];

    private static string Named(string[] names) => $"{names.Length}: {string.Join(", ", names)}";

    private static string Version(Type type) => type.Assembly.GetName().Version!.ToString(3);

    private static void Row(string what, params string[] cells) => Console.WriteLine($"| {what} | {string.Join(" | ", cells)} |");
}
