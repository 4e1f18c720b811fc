using System.ComponentModel;
using System.Diagnostics;

namespace ResNet.Core.Benchmarks;

/// <summary>A Python interpreter with real PyTorch.</summary>
/// <param name="Interpreter">The path of the interpreter.</param>
/// <param name="PyTorch">The version of PyTorch.</param>
/// <param name="TorchVision">The version of torchvision.</param>
internal sealed record PythonSide(string Interpreter, string PyTorch, string TorchVision)
{
    public const string Script = "python_side.py";

    public string Name => $"PyTorch {PyTorch}";

    /// <summary>Finds the interpreters that have PyTorch and torchvision.</summary>
    /// <param name="folder">The working folder.</param>
    /// <param name="problems">Receives the reason for each interpreter that is left out.</param>
    public static List<PythonSide> Find(TempFolder folder, ICollection<string> problems)
    {
        var found = new List<PythonSide>();
        foreach (var interpreter in Interpreters.All)
        {
            if (ReadVersions(interpreter, folder) is [var pytorch, var torchvision])
                found.Add(new(interpreter, pytorch, torchvision));
            else
                problems.Add($"`{Path.GetFileName(interpreter)}` has no PyTorch with torchvision (`apt-get install python3-torch python3-torchvision`)");
        }
        return found;
    }

    private static string[]? ReadVersions(string interpreter, TempFolder folder)
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
            return null; // the program does not exist
        }
    }
}
