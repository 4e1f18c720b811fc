using TorchSharp;

namespace ResNet.Core.Comparison;

/// <summary>Prints the comparison as a table in Markdown.</summary>
internal static class Table
{
    public static void Print()
    {
        using var temporary = new TempFolder();
        var folder = temporary.Path;
        var results = StrangeFiles.Run(folder);
        Child.RunTorchvision("answers", folder);
        var answers = new Answers(folder);
        var ours = Initial.Compare(Networks.OurNames.Select(name => name.Replace("wideresnet", "wide_resnet", StringComparison.Ordinal)), Networks.CreateOurs);
        var theirs = Initial.Compare(Networks.TorchVisionNames, Networks.CreateTorchVision);

        Console.WriteLine();
        PrintRow("", "ResNet.Core", "TorchVision .NET", "TorchSharp.PyBridge");
        PrintRow("---", "---", "---", "---");
        PrintRow("version", GetVersion(typeof(ResNet18)), GetVersion(typeof(torchvision)), GetVersion(typeof(TorchSharp.PyBridge.PyBridgeModuleExtensions)));
        PrintRow($"of torchvision's {Initial.Count} residual networks, same tensors", FormatNames(ours.SameShapes), FormatNames(theirs.SameShapes), "none");
        PrintRow("of these, same initial weights for a seed", FormatNames(ours.SameValues), FormatNames(theirs.SameValues), "none");
        PrintRow("other networks", "0", $"{Networks.TorchVisionOtherCount}", "0");
        PrintRow("transforms; operations; data sets", "0", $"{Surface.CountMethods(typeof(torchvision.transforms))}; {Surface.CountMethods(typeof(torchvision.ops))}; {Surface.CountMethods(typeof(torchvision.datasets))}", "0");
        foreach (var file in (string[])["resnet50.pth", "checkpoint.pth", "resnet50.safetensors", "resnet50.dat"])
            PrintRow(file, [.. Loader.All.Select(loader => answers.Compare(loader, file))]);
        PrintRow("strange files", [.. Loader.All.Select(loader => StrangeFiles.Summarize(results, loader.Name))]);
        PrintRow("ONNX", FindInAll("onnx"));
        PrintRow("int8", FindInAll("int8", "quanti"));
        PrintRow("mixed precision", FindInAll("autocast", "gradscaler"));
        PrintRow($"{Loop.Iterations} predictions of 8 images without a scope", $"{Child.Run("loop", Loader.ResNetCore.Name)} MB", $"{Child.Run("loop", Loader.TorchVision.Name)} MB", "no network");
        Console.WriteLine();
        Console.WriteLine($"PyTorch itself, torch.load(weights_only=True) and load_state_dict(strict=True), of the .pth files: {StrangeFiles.Summarize(results, StrangeFiles.PyTorch)}");
        Console.WriteLine($"TorchSharp {GetVersion(typeof(torch))} itself: ONNX {Surface.FindNames("TorchSharp", "onnx")}; int8 {Surface.FindNames("TorchSharp", "int8", "quanti")}; mixed precision {Surface.FindNames("TorchSharp", "autocast", "gradscaler")}");
    }

    private static string[] FindInAll(params string[] words) => [Surface.FindNames("ResNet.Core", words), Surface.FindNames("TorchVision", words), Surface.FindNames("TorchSharp.PyBridge", words)];

    private static string FormatNames(string[] names) => $"{names.Length}: {string.Join(", ", names)}";

    private static string GetVersion(Type type) => type.Assembly.GetName().Version!.ToString(3);

    private static void PrintRow(string what, params string[] cells) => Console.WriteLine($"| {what} | {string.Join(" | ", cells)} |");
}
