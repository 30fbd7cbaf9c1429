using Microsoft.ML.Runtime;
using MLNetKfac.ModelIO;

namespace MLNetKfac.Training;

/// <summary>
/// Both ways to cancel a training: the user's token, and <c>MLContext.CancelExecution</c>, which raises no event and has to be
/// looked for.
/// </summary>
internal sealed class Cancellation(IHost host, CancellationToken token) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(token);

    /// <summary>Cancelled when either has come.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Looks whether the context was cancelled.</summary>
    public void Look()
    {
        if (MLNetInternals.IsCancelled(host))
        {
            _source.Cancel();
        }
    }

    public void Dispose() => _source.Dispose();
}
