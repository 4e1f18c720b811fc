using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text;
using Spectre.Console;

namespace ResNet.Train;

/// <summary>Runs a command and tells in one line whatever goes wrong.</summary>
internal static class ConsoleProgram
{
    // By default an argument @name would be replaced by what is in the file of that name.
    private static readonly ParserConfiguration asTheyAre = new() { ResponseFileTokenReplacer = null };

    /// <param name="command">What to run.</param>
    /// <param name="args">Of the command line.</param>
    /// <param name="tell">The lines in which an error and its message are told; null is the message.</param>
    /// <returns>The exit code.</returns>
    public static int Run(RootCommand command, string[] args, Func<Exception, string, IReadOnlyList<string>>? tell = null)
    {
        try
        {
            // For the bars, and for class names in every language: a console on Windows has an older encoding.
            Console.OutputEncoding = Encoding.UTF8;
            // Help has lines of its own, and Spectre.Console its control codes: both keep the terminal as it is.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = Console.Out };
            _ = AnsiConsole.Profile;
            Console.SetOut(new VisibleText(Console.Out));
            Console.SetError(new VisibleText(Console.Error));

            var arguments = command.Parse(args, asTheyAre);
            RefuseOptionsBeforeTheCommand(arguments);
            // Not an error where only the help was asked for
            if (arguments.Action is ParseErrorAction)
            {
                // A word that is left over may be the value of an option that took another one.
                var error = arguments.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult) ?? arguments.Errors[0];
                throw new UserException($"{error.Message.TrimEnd('.')}. --help lists the options.");
            }
            return arguments.Invoke(configuration);
        }
        catch (UserException problem)
        {
            return Failed(problem, problem.Message.ReplaceLineEndings(" "), tell);
        }
        catch (Exception exception)
        {
            var problem = exception;
            // What happened on another thread comes wrapped, and so does what a type needs at its first use.
            while (problem is AggregateException or TypeInitializationException && problem.InnerException is { } inner)
                problem = inner;
            // libtorch's, above all, such as too little memory for the batch; their first line says what, the others are its own stack trace.
            return Failed(problem, problem is UserException ? problem.Message.ReplaceLineEndings(" ") : $"{problem.GetType().Name}: {problem.Message.Split('\n')[0].TrimEnd()}", tell);
        }
    }

    /// <summary>They would belong to the program without a command, and the command would not see them.</summary>
    private static void RefuseOptionsBeforeTheCommand(ParseResult arguments)
    {
        if (arguments.CommandResult.Parent is CommandResult program &&
            program.Children.OfType<OptionResult>().FirstOrDefault(option => !option.Implicit && option.Option is not (HelpOption or VersionOption)) is { } option)
        {
            var (command, name) = (arguments.CommandResult.Command.Name, option.IdentifierToken?.Value ?? option.Option.Name);
            throw new UserException($"{name}: expected the options of {command} after its name, got this one before it");
        }
    }

    private static int Failed(Exception problem, string message, Func<Exception, string, IReadOnlyList<string>>? tell)
    {
        var lines = tell?.Invoke(problem, message) ?? [message];
        try
        {
            foreach (var line in lines)
                Console.Error.WriteLine(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody is there to be told; the exit code still tells.
        }
        return ExitCode.Failed;
    }
}
