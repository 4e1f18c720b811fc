using System.Diagnostics;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>This assembly, started as a program, for what would end or disturb the tests' own process.</summary>
internal static class ChildProcess
{
    public static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["save", var path]:
                SaveForever(path);
                return 0;
            case ["try-save", var path]:
                Console.WriteLine(TrySave(path));
                return 0;
            case ["load", var path]:
                Console.WriteLine(MeasurePeakOfLoading(path));
                return 0;
            case ["export", var path]:
                Deployment.CallerStateTests.ExportWithoutReflection(path);
                return 0;
            case ["download", var argument]:
                Console.WriteLine(Pretrained.SharedCacheTests.DownloadAsync(argument).GetAwaiter().GetResult());
                return 0;
            case ["dispose", _]:
                Console.WriteLine(Deployment.DisposeDuringCallsTests.DisposeDuringCalls());
                return 0;
            case ["int8", _]:
                Console.WriteLine(FuseExtensions.IsInt8Supported);
                return 0;
            case ["fuse", var argument]:
                Deployment.WeightLayoutTests.FuseAndCall(argument);
                return 0;
            case ["free", var pages]:
                Console.WriteLine(MemoryPagesTests.CreateAndDispose(pages));
                return 0;
            default:
                Console.Error.WriteLine("Expected one of the commands in ChildProcess.cs. To run the tests, use `dotnet test`.");
                return 1;
        }
    }

    /// <summary>Runs a command to its end.</summary>
    /// <returns>Its output.</returns>
    public static string Run(string command, string argument = "", params (string Name, string Value)[] environment)
    {
        var start = CreateStartInfo(command, argument);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, $"{command} ended with {child.ExitCode}:\n{output}");
        return output.Trim();
    }

    public static Process Start(string command, string path) => Process.Start(CreateStartInfo(command, path))!;

    public static ProcessStartInfo CreateStartInfo(string command, string path) => new(DotnetHost.Path, [typeof(ChildProcess).Assembly.Location, command, path])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    };

    /// <summary>Creates a module of 4 MB.</summary>
    public static nn.Module CreateModule() => nn.Linear(1000, 1000);

    public static void Fill(nn.Module module, float value)
    {
        using (no_grad())
            foreach (var parameter in module.parameters())
                parameter.fill_(value);
    }

    /// <summary>Asserts that the module's file comes from a single save: each save gives all weights one value.</summary>
    public static void AssertFromOneSave(nn.Module module)
    {
        using var scope = NewDisposeScope();
        var values = cat([.. module.parameters().Select(parameter => parameter.flatten())]);
        Assert.True(values.eq(values[0]).all().item<bool>(), "two saves are mixed in one file");
        Assert.NotEqual(0, values[0].item<float>());
    }

    private static string TrySave(string path)
    {
        using var module = CreateModule();
        try
        {
            Checkpoint.Save(module, path);
            return "saved";
        }
        catch (Exception e)
        {
            return $"{e.GetType()}: {e.Message}";
        }
    }

    /// <summary>Saves in a loop until it is killed, each time with another value for all weights.</summary>
    private static void SaveForever(string path)
    {
        using var module = CreateModule();
        for (var value = 1; ; value++)
        {
            Fill(module, value);
            Checkpoint.Save(module, path);
            if (value == 1)
                Console.WriteLine("started");
        }
    }

    /// <summary>Loads a file into a module of its size. Returns the growth of the peak working set in bytes.</summary>
    private static long MeasurePeakOfLoading(string path)
    {
        using var module = CreateLargeModule();
        using var process = Process.GetCurrentProcess();
        Checkpoint.Save(module, $"{path}.warm{Path.GetExtension(path)}"); // pay for the first use of everything
        var before = process.PeakWorkingSet64;
        Checkpoint.Load(module, path);
        process.Refresh();
        return process.PeakWorkingSet64 - before;
    }

    /// <summary>Creates a module of 100 MB in ten layers.</summary>
    public static nn.Module CreateLargeModule() => nn.Sequential(Enumerable.Range(0, 10).Select(nn.Module<Tensor, Tensor> (_) => nn.Linear(2500, 1000)));
}
