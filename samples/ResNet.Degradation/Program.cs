using ResNet.Degradation;
using ResNet.Train;

// CommandLine reads the arguments, Job does the work.
return ConsoleProgram.Run(CommandLine.Create(Job.Run), args);
