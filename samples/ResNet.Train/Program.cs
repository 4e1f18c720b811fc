using ResNet.Core;
using ResNet.Core.Distributed;
using ResNet.Train;

MemoryPages.Keep();
Ranks joined;
try
{
    joined = Ranks.Join();
}
catch (Exception problem) when (problem is DistributedException or InvalidOperationException or TimeoutException)
{
    Console.Error.WriteLine(problem.Message);
    return ExitCode.Failed;
}
// CommandLine parses the arguments, the jobs in Commands do the work.
using var ranks = joined;
return ConsoleProgram.Run(CommandLine.Create(ranks), args, ranks.Report);
