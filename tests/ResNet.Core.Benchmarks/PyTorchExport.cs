using System.Diagnostics;

namespace ResNet.Core.Benchmarks;

/// <summary>What real PyTorch's <c>torch.onnx.export</c> makes of the mirrored network.</summary>
internal static class PyTorchExport
{
    private const string Program = """
        import sys, torch
        sys.path.insert(0, sys.argv[1])
        from resnet import ResNet18
        model = ResNet18()
        model.load_state_dict(torch.load(sys.argv[2]))
        model.eval()
        torch.onnx.export(model, torch.rand(1, 3, 224, 224), sys.argv[3], opset_version=13, input_names=["input"], output_names=["logits"],
                          dynamic_axes={"input": {0: "N", 2: "H", 3: "W"}, "logits": {0: "N"}})
        """;

    /// <param name="weights">A file of torch.save with 1000 classes.</param>
    /// <param name="path">Of the .onnx file.</param>
    public static void Write(string weights, string path)
    {
        // resnet.py lies beside the benchmarks
        using var python = Process.Start(PythonProcess.Interpreter, ["-c", Program, AppContext.BaseDirectory, weights, path]);
        python.WaitForExit();
        if (python.ExitCode != 0)
            throw new InvalidOperationException("Python did not export the network. Is PyTorch installed? apt-get install python3-torch python3-onnx");
    }
}
