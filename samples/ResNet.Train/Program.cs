using ResNet.Train;

// System.CommandLine reads the arguments, Job does the work. What the user can put right, a bad value or a bad file, is
// told in one line; anything else is a bug of this program, and its stack trace is wanted.
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
