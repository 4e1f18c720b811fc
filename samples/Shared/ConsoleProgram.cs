using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text;
using Spectre.Console;

namespace ResNet.Samples;

/// <summary>Runs a command and reports any failure in one line.</summary>
public static class ConsoleProgram
{
    // By default, System.CommandLine replaces an argument @name with the content of that file.
    private static readonly ParserConfiguration withoutResponseFiles = new() { ResponseFileTokenReplacer = null };

    /// <param name="command">The command.</param>
    /// <param name="args">The arguments of the command line.</param>
    /// <param name="report">Turns an error and its message into the lines to print. Null prints the message.</param>
    /// <returns>The exit code.</returns>
    public static int Run(RootCommand command, string[] args, Func<Exception, string, IReadOnlyList<string>>? report = null)
    {
        try
        {
            // For bars and class names in any language: Windows consoles default to an older encoding.
            Console.OutputEncoding = Encoding.UTF8;
            // Help has line breaks and Spectre.Console has control codes; both write to the unfiltered terminal.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = Console.Out };
            _ = AnsiConsole.Profile;
            Console.SetOut(new VisibleText(Console.Out));
            Console.SetError(new VisibleText(Console.Error));

            var arguments = command.Parse(args, withoutResponseFiles);
            RefuseOptionsBeforeTheCommand(arguments);
            // No error action if the user asked for help.
            if (arguments.Action is ParseErrorAction)
            {
                // A surplus word is often the value of an option that took another word, so report the option first.
                var error = arguments.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult) ?? arguments.Errors[0];
                throw new UserException($"{error.Message.TrimEnd('.')}. --help lists the options.");
            }
            return arguments.Invoke(configuration);
        }
        catch (UserException problem)
        {
            return Fail(problem, problem.Message.ReplaceLineEndings(" "), report);
        }
        catch (Exception exception)
        {
            var problem = exception;
            // Exceptions from other threads and from static initializers arrive wrapped.
            while (problem is AggregateException or TypeInitializationException && problem.InnerException is { } inner)
                problem = inner;
            // Mostly libtorch's, such as too little memory for the batch. The first line is the message, the rest libtorch's stack trace.
            return Fail(problem, problem is UserException ? problem.Message.ReplaceLineEndings(" ") : $"{problem.GetType().Name}: {problem.Message.Split('\n')[0].TrimEnd()}", report);
        }
    }

    /// <summary>Options before the command belong to the root command, so the command would ignore them.</summary>
    private static void RefuseOptionsBeforeTheCommand(ParseResult arguments)
    {
        if (arguments.CommandResult.Parent is CommandResult program &&
            program.Children.OfType<OptionResult>().FirstOrDefault(option => !option.Implicit && option.Option is not (HelpOption or VersionOption)) is { } option)
        {
            var (command, name) = (arguments.CommandResult.Command.Name, option.IdentifierToken?.Value ?? option.Option.Name);
            throw new UserException($"{name}: expected the options of {command} after its name, got this one before it");
        }
    }

    private static int Fail(Exception problem, string message, Func<Exception, string, IReadOnlyList<string>>? report)
    {
        var lines = report?.Invoke(problem, message) ?? [message];
        try
        {
            foreach (var line in lines)
                Console.Error.WriteLine(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Standard error is closed; the exit code still reports the failure.
        }
        return ExitCode.Failed;
    }
}
