using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// Ends every rank when this one ends without having left: by an exception that nobody catches, by <see cref="Environment.Exit"/>, or
/// by the end of <c>Main</c>. The others would wait for it, and MPICH's launcher would even report success.
/// </summary>
internal sealed partial class UnexpectedEnd : IDisposable
{
    private readonly string _rank;
    private readonly Action<int> _abort;
    private readonly PosixSignalRegistration _terminated, _interrupted;
    private volatile int _signal;

    /// <param name="rank">This rank, as messages name it.</param>
    /// <param name="abort">Ends every rank with a code.</param>
    public UnexpectedEnd(string rank, Action<int> abort)
    {
        (_rank, _abort) = (rank, abort);
        AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        // Only noted: what becomes of the signal is the program's affair.
        _terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => _signal = 15);
        _interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => _signal = 2);
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
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

    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs e)
    {
        Say($"{_rank}: unhandled exception: {e.ExceptionObject}");
        _abort(1);
    }

    private void OnProcessExit(object? sender, EventArgs e)
    {
        var (signal, code) = (_signal, Environment.ExitCode);
        // A launcher that ends all ranks sends all of them a signal; one message would be as many as there are ranks.
        if (signal == 0)
            Say($"{_rank}: the process ended without disposing of its ProcessGroup{(code == 0 ? "" : $", with code {code}")}; every rank ends with it");
        _abort(code != 0 ? code : signal != 0 ? 128 + signal : 1);
    }

    [LibraryImport("libc")]
    private static partial void _exit(int code);

    [LibraryImport("kernel32")]
    private static partial int TerminateProcess(nint process, uint code);
}
