using System.Diagnostics;
using System.Globalization;

namespace ResNet.Core.Benchmarks;

/// <summary>The process behind an <see cref="Engine"/>. python_side.py does the same in Python.</summary>
internal static class Worker
{
    public const string Ready = "ready";

    /// <summary>Prints that it is ready, or why not. Then, for each line with a number of seconds, iterates for that time, at least once, and prints the median in milliseconds.</summary>
    public static void Run(Table table, string row, string engine)
    {
        Action? iteration;
        try
        {
            iteration = table.Prepare(row, engine);
        }
        catch (Exception e)
        {
            Console.WriteLine(e.Message.ReplaceLineEndings(" "));
            return;
        }
        if (iteration == null)
            return;
        Console.WriteLine(Ready);
        while (Console.ReadLine() is { } seconds)
        {
            var (times, total) = (new List<double>(), Stopwatch.StartNew());
            do
            {
                var start = Stopwatch.GetTimestamp();
                iteration();
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            while (total.Elapsed.TotalSeconds < double.Parse(seconds, CultureInfo.InvariantCulture));
            Console.WriteLine(Statistics.ComputeMedian(times).ToString(CultureInfo.InvariantCulture));
        }
    }
}
