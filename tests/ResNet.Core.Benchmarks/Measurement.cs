using System.Globalization;

namespace ResNet.Core.Benchmarks;

/// <summary>Measures a table row by row. In each row the engines take turns.</summary>
internal static class Measurement
{
    private const int Rounds = 10;

    /// <param name="table">The table to measure.</param>
    /// <param name="rows">The text that a row must contain to be measured.</param>
    /// <param name="folder">The working folder of the processes.</param>
    /// <returns>The section in Markdown.</returns>
    public static string Run(Table table, string rows, TempFolder folder)
    {
        var problems = new SortedSet<string>(StringComparer.Ordinal);
        List<PythonSide> pythons = table.HasPython ? PythonSide.Find(folder, problems) : [];
        string[] names = [.. table.Engines, .. pythons.Select(python => python.Name)];

        List<string> lines = [FormatLine(["", .. names]), FormatLine(["---", .. names.Select(_ => "---")])];
        foreach (var row in table.Rows.Where(row => row.Contains(rows, StringComparison.Ordinal)))
        {
            var engines = Measure(table, row, pythons, folder, problems);
            var baseline = engines.SingleOrDefault(engine => engine.Name == table.Baseline);
            lines.Add(FormatLine([row, .. names.Select(name => FormatCell(table, engines.SingleOrDefault(engine => engine.Name == name), baseline))]));
            Console.Error.WriteLine(lines[^1]);
        }
        var left = problems.Count == 0 ? "" : $" Left out: {string.Join("; ", problems)}.";
        return
            $"""
            ## {table.Title}

            {table.About}

            Medians of {Rounds} turns of at least 0.2 s; the engines take turns, and each row and engine runs in its own process. Ratios are to {table.Share}{(table.HasMemory ? "; GB is the process's peak memory" : "")}.{left}

            {Machine.Describe()}, {DateTime.UtcNow:yyyy-MM-dd}; {string.Join(", ", [.. Machine.Versions, .. pythons.Select(python => $"{python.Name} with torchvision {python.TorchVision}")])}:
            `dotnet run -c Release --project tests/ResNet.Core.Benchmarks -- {table.Name}`

            {string.Join('\n', lines)}

            """;
    }

    private static List<Engine> Measure(Table table, string row, List<PythonSide> pythons, TempFolder folder, SortedSet<string> problems)
    {
        List<Engine> all = [.. table.Engines.Select(name => Engine.Start(name, table, row, folder)), .. pythons.Select(python => Engine.Start(python, table, row, folder))];
        try
        {
            var engines = new List<Engine>();
            foreach (var engine in all)
            {
                if (engine.IsReady(out var problem))
                    engines.Add(engine);
                else if (problem.Length > 0)
                    problems.Add($"{engine.Name} ({problem})");
            }
            for (var round = -1; round < Rounds; round++)
                engines.ForEach(engine => engine.Take(counts: round >= 0));
            return engines;
        }
        finally
        {
            all.ForEach(engine => engine.Dispose());
        }
    }

    private static string FormatCell(Table table, Engine? engine, Engine? baseline)
    {
        if (engine == null)
            return "–";
        var cell = $"{engine.Time.ToString(engine.Time < 10 ? "0.00" : engine.Time < 100 ? "0.0" : "0", CultureInfo.InvariantCulture)} ms";
        if (baseline != null && engine != baseline)
            cell += string.Create(CultureInfo.InvariantCulture, $", {engine.Time / baseline.Time:0.00}");
        return table.HasMemory && engine.PeakMemory > 0 ? cell + string.Create(CultureInfo.InvariantCulture, $"; {engine.PeakMemory / 1e9:0.00} GB") : cell;
    }

    private static string FormatLine(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}
