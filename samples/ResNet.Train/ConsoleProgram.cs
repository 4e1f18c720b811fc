using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text;

namespace ResNet.Train;

/// <summary>Runs a command and tells in one line whatever goes wrong.</summary>
internal static class ConsoleProgram
{
    /// <summary>Without this, System.CommandLine would print the stack trace of whatever the program throws.</summary>
    private static readonly InvocationConfiguration letExceptionsThrough = new() { EnableDefaultExceptionHandler = false };

    /// <returns>The exit code.</returns>
    public static int Run(RootCommand command, string[] args)
    {
        // For the bars, and for class names in every language: a console on Windows has an older encoding.
        Console.OutputEncoding = Encoding.UTF8;

        var arguments = command.Parse(args);
        try
        {
            // Not an error where only the help was asked for
            if (arguments.Action is ParseErrorAction)
                throw new UserException($"{arguments.Errors[0].Message.TrimEnd('.')}. --help lists the options.");
            return arguments.Invoke(letExceptionsThrough);
        }
        catch (UserException problem)
        {
            Console.Error.WriteLine(problem.Message.ReplaceLineEndings(" "));
            return ExitCode.Failed;
        }
        catch (Exception exception)
        {
            // What happened on another thread comes wrapped.
            var problem = exception is AggregateException several ? several.Flatten().InnerExceptions[0] : exception;
            // libtorch's, above all, such as too little memory for the batch; their first line says what, the others are its own stack trace.
            Console.Error.WriteLine($"{problem.GetType().Name}: {problem.Message.Split('\n')[0].TrimEnd()}");
            return ExitCode.Failed;
        }
    }
}
