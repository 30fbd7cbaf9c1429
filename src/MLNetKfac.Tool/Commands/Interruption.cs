using System.Runtime.InteropServices;

namespace MLNetKfac.Tool.Commands;

/// <summary>Hears Ctrl-C, the request to end and the closing of the terminal: the first asks the work to stop, a second ends the process.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption() =>
        _registrations = Array.ConvertAll((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP], signal => PosixSignalRegistration.Create(signal, Hear));

    /// <summary>Cancelled when it has come.</summary>
    public CancellationToken Token => _source.Token;

    public bool HasCome => _source.IsCancellationRequested;

    public void Dispose()
    {
        Array.ForEach(_registrations, registration => registration.Dispose());
        _source.Dispose();
    }

    private void Hear(PosixSignalContext signal)
    {
        signal.Cancel = !HasCome;
        _source.Cancel();
    }
}
