using System.Diagnostics;
using ResNet.Core.Benchmarks;
using ResNet.Core.Benchmarks.Gpu;

const string All = "all", Gpu = "gpu";

if (args is [Gpu, .. var rest])
    return GpuTable.Run(rest);

var (names, rows, output) = (new List<string>(), "", (string?)null);
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case Engine.Work:
            Worker.Run(Table.Find(args[i + 1]), row: args[i + 2], engine: args[i + 3]);
            return 0;
        case "--rows" when i + 1 < args.Length:
            rows = args[++i];
            break;
        case "--output" when i + 1 < args.Length:
            output = Path.GetFullPath(args[++i]);
            break;
        default:
            names.Add(args[i]);
            break;
    }
}

var tables = Table.All.Where(table => names.Contains(table.Name) || names.Contains(All)).ToList();
if (tables.Count == 0 || names.Except(Table.All.Select(table => table.Name)).Any(name => name != All))
{
    Console.Error.WriteLine(
        $"""
        Expected {All} or some of: {string.Join(", ", Table.All.Select(table => table.Name))}; or {Gpu} alone, where there is a GPU
          --rows TEXT      only rows that contain this text
          --output FILE    also write each table to this Markdown file, in place of the section with its title
        The environment variable {Interpreters.Variable} lists the Python interpreters to compare with, separated as in PATH.
        """);
    return 1;
}

var watch = Stopwatch.StartNew();
// All processes run in this folder, since a Python may have access to its working folder only.
using var folder = new TempFolder();
File.Copy(Path.Combine(AppContext.BaseDirectory, PythonSide.Script), folder[PythonSide.Script]);
foreach (var table in tables)
{
    var section = Measurement.Run(table, rows, folder);
    Console.WriteLine(section);
    if (output != null)
        Document.Replace(output, section);
    Console.Error.WriteLine($"{table.Name}: done after {watch.Elapsed.TotalMinutes:0.0} minutes");
}
return 0;
