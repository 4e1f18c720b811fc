using System.Globalization;

namespace ResNet.Core.Comparison;

/// <summary>Tests how each library handles damaged, hostile and mismatched files. Each file and library has its own process.</summary>
internal static class StrangeFiles
{
    private const string Good = "GOOD";

    /// <summary>The number of tensors in a ResNet-18, including counters.</summary>
    private const int Tensors = 122;

    public const string PyTorch = "PyTorch";

    internal sealed record Result(string Loader, string File, string Outcome, int Changed, string Problem)
    {
        public bool IsControl => File.StartsWith(Good, StringComparison.Ordinal);
    }

    /// <summary>Prints each result, and returns all of them.</summary>
    public static List<Result> Run(string folder)
    {
        var results = new List<Result>();
        using var python = Child.StartTorchvision("files", folder);
        while (python.StandardOutput.ReadLine()?.Split('|', 2) is [var file, .. var byPython])
        {
            if (byPython is [var printed])
                Add(Read(PyTorch, file, printed));
            foreach (var loader in Loader.All.Where(loader => loader.Suffixes.Contains(Path.GetExtension(file))))
                Add(Load(loader.Name, folder, file));
            python.StandardInput.WriteLine();
            python.StandardInput.Flush();
        }
        python.WaitForExit();
        return python.ExitCode == 0 ? results : throw new InvalidOperationException("Python did not write the files.");

        void Add(Result result)
        {
            if (result.IsControl && (result.Outcome != "accepted" || result.Changed != Tensors))
                throw new InvalidOperationException($"{result.Loader} does not load {result.File}, which is valid: {result.Problem}");
            results.Add(result);
            Console.WriteLine($"{result.File,-62} {result.Loader,-20} {result.Outcome}, {result.Changed} tensors changed. {result.Problem}");
        }
    }

    public static string Summarize(IEnumerable<Result> results, string loader)
    {
        var own = results.Where(result => result.Loader == loader && !result.IsControl).ToList();
        var outcomes = own.GroupBy(result => result.Outcome == "refused" && result.Changed > 0 ? $"refused, but tensors were overwritten (up to {own.Where(other => other.Outcome == "refused").Max(other => other.Changed)} of {Tensors})" : result.Outcome);
        return $"{own.Count} files: {string.Join("; ", outcomes.OrderByDescending(group => group.Count()).Select(group => $"{group.Count()} {group.Key}"))}";
    }

    private static Result Load(string loader, string folder, string file)
    {
        var printed = Child.Run("load", loader, Path.Combine(folder, file));
        var marker = Path.Combine(folder, "it-was-run");
        if (!File.Exists(marker))
            return printed is null ? new(loader, file, "ended the process", 0, "") : Read(loader, file, printed);
        File.Delete(marker);
        return new(loader, file, "ran its code", 0, "");
    }

    private static Result Read(string loader, string file, string printed) => printed.Split('|', 3) is [var outcome, var changed, var problem]
        ? new(loader, file, outcome, int.Parse(changed, CultureInfo.InvariantCulture), problem)
        : throw new InvalidOperationException($"Expected an outcome, got '{printed}'.");
}
