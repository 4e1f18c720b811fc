using ResNet.Core;
using ResNet.Degradation;

MemoryPages.Keep();
// CommandLine parses the arguments, Job does the work.
return ConsoleProgram.Run(CommandLine.Create(Job.Run), args);
