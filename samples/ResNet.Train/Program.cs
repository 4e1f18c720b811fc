using ResNet.Train;

// CommandLine reads the arguments, the jobs in Commands do the work.
return ConsoleProgram.Run(CommandLine.Create(), args);
