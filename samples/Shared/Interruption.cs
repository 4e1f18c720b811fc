using System.Runtime.InteropServices;
using Spectre.Console;

namespace ResNet.Samples;

/// <summary>
/// Turns the first Ctrl+C or SIGTERM into a request to stop after the current step. A second signal ends the program
/// immediately, as it would without this class.
/// </summary>
public sealed class Interruption : IDisposable
{
    private static readonly List<Interruption> kept = []; // or the garbage collector would remove their handlers

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly bool _secondEnds;
    private bool _hasSignal;

    /// <param name="secondEnds">
    /// Whether a second signal ends the program. Under an MPI launcher it must not: the launcher may send one signal twice, once through
    /// <c>dotnet run</c>, and it kills processes that do not exit.
    /// </param>
    public Interruption(bool secondEnds = true)
    {
        _secondEnds = secondEnds;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>The program's exit code after an interruption.</summary>
    public int ExitCode { get; private set; }

    /// <summary>Requests a stop, as a signal does.</summary>
    /// <param name="exitCode">The program's exit code.</param>
    public void Request(int exitCode)
    {
        ExitCode = exitCode;
        _source.Cancel();
    }

    public void Dispose()
    {
        if (!_secondEnds)
        {
            // Without the handler, the launcher's second signal would kill a rank that has finished while another still writes.
            kept.Add(this);
            return;
        }
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (_hasSignal && _secondEnds)
        {
            // The progress bar hides the cursor.
            if (!Console.IsOutputRedirected)
                AnsiConsole.Cursor.Show();
            return;
        }

        context.Cancel = true;
        if (_hasSignal) return;
        _hasSignal = true;
        Request(context.Signal == PosixSignal.SIGTERM ? Samples.ExitCode.Terminated : Samples.ExitCode.Interrupted);
    }
}
