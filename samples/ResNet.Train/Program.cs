using ResNet.Train;

// CommandLine reads the arguments, the jobs in Commands do the work.
using var ranks = Ranks.Join();
return ConsoleProgram.Run(CommandLine.Create(ranks), args, ranks.Tell);
