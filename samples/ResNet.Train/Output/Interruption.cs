using System.Runtime.InteropServices;
using Spectre.Console;

namespace ResNet.Train;

/// <summary>
/// Turns the first Ctrl+C, or SIGTERM, into a request to stop after the step at hand. The second one ends the program at
/// once, as it would without this.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>What the program ends with once it was interrupted.</summary>
    public int ExitCode { get; private set; }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested)
        {
            // The progress bar has hidden it.
            if (!Console.IsOutputRedirected)
                AnsiConsole.Cursor.Show();
            return;
        }

        context.Cancel = true;
        ExitCode = context.Signal == PosixSignal.SIGTERM ? Train.ExitCode.Terminated : Train.ExitCode.Interrupted;
        _source.Cancel();
    }
}
