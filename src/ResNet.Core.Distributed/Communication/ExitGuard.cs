using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// Ends every rank if this one ends without leaving the group: by an unhandled exception, by <see cref="Environment.Exit"/>, or at the end of <c>Main</c>. The
/// others would wait for it, and MPICH's launcher would even report success.
/// </summary>
internal sealed partial class ExitGuard : IDisposable
{
    private const int SignalTime = 10_000; // milliseconds within which a signal ends the process

    [ThreadStatic]
    private static Exception? lastException;

    private readonly Action<int, string?> _end;
    private readonly PosixSignalRegistration _terminated, _interrupted;
    private int _signal;
    private long _signalTime;

    /// <param name="end">Writes a message and ends every rank with an exit code.</param>
    public ExitGuard(Action<int, string?> end)
    {
        _end = end;
        AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
        AppDomain.CurrentDomain.FirstChanceException += OnFirstChanceException;
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        // Only recorded; the program decides how to handle the signal.
        _terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Record(15));
        _interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Record(2));
    }

    /// <summary>The last exception thrown on this thread, caught or not; null if there was none.</summary>
    public static Exception? LastException => lastException;

    public void Dispose()
    {
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
        AppDomain.CurrentDomain.FirstChanceException -= OnFirstChanceException;
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        _terminated.Dispose();
        _interrupted.Dispose();
    }

    /// <summary>Ends this process immediately, without finalizers or handlers that could wait for another rank.</summary>
    [DoesNotReturn]
    public static void EndProcess(int exitCode)
    {
        if (OperatingSystem.IsWindows())
            _ = TerminateProcess(-1, (uint)exitCode);
        else
            _exit(exitCode);
        throw new UnreachableException();
    }

    /// <summary>Writes a line to standard error in one piece. Console splits long lines, and lines of other ranks could come in between.</summary>
    public static void WriteErrorLine(string what)
    {
        try
        {
            using var error = Console.OpenStandardError();
            error.Write(Encoding.UTF8.GetBytes(what + Environment.NewLine));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody reads the message; the exit code still tells.
        }
    }

    private void Record(int signal)
    {
        Volatile.Write(ref _signalTime, Environment.TickCount64);
        Volatile.Write(ref _signal, signal);
    }

    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs e) => _end(1, $"unhandled exception: {e.ExceptionObject}");

    private void OnFirstChanceException(object? sender, FirstChanceExceptionEventArgs e) => lastException = e.Exception;

    private void OnProcessExit(object? sender, EventArgs e)
    {
        // The program has handled an earlier signal.
        var signal = Environment.TickCount64 - Volatile.Read(ref _signalTime) < SignalTime ? Volatile.Read(ref _signal) : 0;
        var code = Environment.ExitCode;
        // The system keeps eight bits: 256 would mean success.
        var ended = (code & 0xff) != 0 ? code & 0xff : signal != 0 ? 128 + signal : 1;
        // A launcher that ends the ranks signals all of them, and each would write a message.
        _end(ended, signal != 0 ? null : $"the process ended without disposing of its ProcessGroup{(code == 0 ? "" : $", with code {code}")}; every rank ends with it");
    }

    [LibraryImport("libc")]
    private static partial void _exit(int code);

    [LibraryImport("kernel32")]
    private static partial int TerminateProcess(nint process, uint code);
}
