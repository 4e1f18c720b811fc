using ResNet.Degradation;
using ResNet.Train;

// System.CommandLine reads the arguments, Job does the work. Whatever goes wrong is told in one line.
var command = CommandLine.Create(Job.Run);
var arguments = command.Parse(args);

try
{
    if (CommandLine.Error(arguments) is { } error)
        throw new UserException(error);
    return arguments.Invoke(CommandLine.LetExceptionsThrough);
}
catch (UserException problem)
{
    Console.Error.WriteLine(problem.Message.ReplaceLineEndings(" "));
    return ExitCode.Failed;
}
catch (Exception problem)
{
    // libtorch's, above all, such as too little memory for the batch; their first line says what, the others are its own stack trace.
    Console.Error.WriteLine($"{problem.GetType().Name}: {problem.Message.Split('\n')[0].TrimEnd()}");
    return ExitCode.Failed;
}
