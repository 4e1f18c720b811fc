using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// Ends every rank when this one ends without having left: by an exception that nobody catches, by <see cref="Environment.Exit"/>, or
/// by the end of <c>Main</c>. The others would wait for it, and MPICH's launcher would even report success.
/// </summary>
internal sealed partial class UnexpectedEnd : IDisposable
{
    private const int SignalTime = 10_000; // milliseconds from a signal to the end that it brings

    [ThreadStatic]
    private static Exception? lastException;

    private readonly Action<int, string?> _end;
    private readonly PosixSignalRegistration _terminated, _interrupted;
    private int _signal;
    private long _signalTime;

    /// <param name="end">Ends every rank with a code, after a message.</param>
    public UnexpectedEnd(Action<int, string?> end)
    {
        _end = end;
        AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
        AppDomain.CurrentDomain.FirstChanceException += OnFirstChanceException;
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        // Only noted: what becomes of the signal is the program's affair.
        _terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Note(15));
        _interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Note(2));
    }

    /// <summary>The last exception that was thrown on this thread, whether or not it was caught; or null.</summary>
    public static Exception? LastException => lastException;

    public void Dispose()
    {
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
        AppDomain.CurrentDomain.FirstChanceException -= OnFirstChanceException;
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        _terminated.Dispose();
        _interrupted.Dispose();
    }

    /// <summary>Ends this process without another word: no finalizer, no handler, nothing that could wait for another rank.</summary>
    [DoesNotReturn]
    public static void EndProcess(int exitCode)
    {
        if (OperatingSystem.IsWindows())
            _ = TerminateProcess(-1, (uint)exitCode);
        else
            _exit(exitCode);
        throw new UnreachableException();
    }

    /// <summary>Writes a line to standard error, in one piece: Console writes a long one in several, between which other ranks' come.</summary>
    public static void Say(string what)
    {
        try
        {
            using var error = Console.OpenStandardError();
            error.Write(Encoding.UTF8.GetBytes(what + Environment.NewLine));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody is there to be told; the exit code still tells.
        }
    }

    private void Note(int signal)
    {
        Volatile.Write(ref _signalTime, Environment.TickCount64);
        Volatile.Write(ref _signal, signal);
    }

    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs e) => _end(1, $"unhandled exception: {e.ExceptionObject}");

    private void OnFirstChanceException(object? sender, FirstChanceExceptionEventArgs e) => lastException = e.Exception;

    private void OnProcessExit(object? sender, EventArgs e)
    {
        // An earlier one has been dealt with by the program.
        var signal = Environment.TickCount64 - Volatile.Read(ref _signalTime) < SignalTime ? Volatile.Read(ref _signal) : 0;
        var code = Environment.ExitCode;
        // Of which the system keeps eight bits: 256 would be success.
        var ended = (code & 0xff) != 0 ? code & 0xff : signal != 0 ? 128 + signal : 1;
        // A launcher that ends all ranks sends all of them a signal; one message would be as many as there are ranks.
        _end(ended, signal != 0 ? null : $"the process ended without disposing of its ProcessGroup{(code == 0 ? "" : $", with code {code}")}; every rank ends with it");
    }

    [LibraryImport("libc")]
    private static partial void _exit(int code);

    [LibraryImport("kernel32")]
    private static partial int TerminateProcess(nint process, uint code);
}
