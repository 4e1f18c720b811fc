using System.Runtime.InteropServices;
using Spectre.Console;

namespace ResNet.Train;

/// <summary>
/// Turns the first Ctrl+C, or SIGTERM, into a request to stop after the step at hand. The second one ends the program at
/// once, as it would without this.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly List<Interruption> kept = []; // the collector would take their handlers away

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly bool _secondEnds;
    private bool _hasSignal;

    /// <param name="secondEnds">Whether the second signal ends the program. A launcher may send the same one twice, once through <c>dotnet run</c>, and kills who goes on.</param>
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

    /// <summary>What the program ends with once it was interrupted.</summary>
    public int ExitCode { get; private set; }

    /// <summary>Stops as a signal does.</summary>
    /// <param name="exitCode">What the program ends with.</param>
    public void Request(int exitCode)
    {
        ExitCode = exitCode;
        _source.Cancel();
    }

    public void Dispose()
    {
        if (!_secondEnds)
        {
            // The launcher's second signal would end a rank that is done while another one still writes.
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
            // The progress bar has hidden it.
            if (!Console.IsOutputRedirected)
                AnsiConsole.Cursor.Show();
            return;
        }

        context.Cancel = true;
        if (_hasSignal) return;
        _hasSignal = true;
        Request(context.Signal == PosixSignal.SIGTERM ? Train.ExitCode.Terminated : Train.ExitCode.Interrupted);
    }
}
