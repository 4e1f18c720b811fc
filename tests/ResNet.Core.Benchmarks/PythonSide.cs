using System.ComponentModel;
using System.Diagnostics;

namespace ResNet.Core.Benchmarks;

/// <summary>Real PyTorch in one Python.</summary>
/// <param name="Interpreter">The program that runs Python scripts.</param>
/// <param name="PyTorch">Its version.</param>
/// <param name="TorchVision">Its version.</param>
internal sealed record PythonSide(string Interpreter, string PyTorch, string TorchVision)
{
    public const string Script = "python_side.py";

    public string Name => $"PyTorch {PyTorch}";

    /// <summary>Those of the interpreters that have PyTorch and torchvision.</summary>
    /// <param name="folder">To run in.</param>
    /// <param name="problems">Why some are left out.</param>
    public static List<PythonSide> Find(TempFolder folder, ICollection<string> problems)
    {
        var found = new List<PythonSide>();
        foreach (var interpreter in Interpreters.All)
        {
            if (Versions(interpreter, folder) is [var pytorch, var torchvision])
                found.Add(new(interpreter, pytorch, torchvision));
            else
                problems.Add($"`{Path.GetFileName(interpreter)}` has no PyTorch with torchvision (`apt-get install python3-torch python3-torchvision`)");
        }
        return found;
    }

    private static string[]? Versions(string interpreter, TempFolder folder)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(interpreter, [Script]) { RedirectStandardOutput = true, WorkingDirectory = folder.Path })!;
            var printed = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return printed.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Win32Exception)
        {
            return null; // there is no such program
        }
    }
}
