using System.Diagnostics;

namespace ResNet.Core.Benchmarks;

/// <summary>Real PyTorch in a process of its own, which does one thing a line.</summary>
internal sealed class PythonProcess : IDisposable
{
    // What is loaded is dropped before the answer, as the other side drops it too.
    private const string Program = """
        import os, sys, torch
        weights = torch.load(sys.argv[1])
        torch.nn.functional.conv2d(torch.rand(8, 3, 224, 224), weights["conv1.weight"], stride=2, padding=3)
        for line in sys.stdin:
            command, path = line.split()
            if command == "load":
                loaded = torch.load(path)
                del loaded
            elif command == "load_into":
                for name, tensor in torch.load(path).items():
                    weights[name].copy_(tensor)
                del tensor
            else:
                torch.save(weights, path)
                if command == "save_flushed":
                    with open(path, "rb+") as file:
                        os.fsync(file.fileno())
            print("done", flush=True)
        """;

    private readonly Process process;

    /// <param name="weights">A file of torch.save with the weights that it will save.</param>
    public PythonProcess(string weights) => process = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", Program, weights])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    public void Do(string command, string path)
    {
        process.StandardInput.WriteLine($"{command} {path}");
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() != "done")
            throw new InvalidOperationException($"Python ended at '{command} {path}'. Is PyTorch installed? apt-get install python3-torch");
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
