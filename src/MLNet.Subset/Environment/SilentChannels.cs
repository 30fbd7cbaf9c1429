namespace Microsoft.ML.Runtime;

/// <summary>Progress reports raise no log event in ML.NET, and there is no console to draw on here.</summary>
internal sealed class SilentProgressChannel : IProgressChannel
{
    public void SetHeader(ProgressHeader header, Action<IProgressEntry> fillAction)
    {
    }

    public void Checkpoint(params double?[] values)
    {
    }

    public IProgressChannel StartProgressChannel(string name) => new SilentProgressChannel();

    public void Dispose()
    {
    }
}

/// <summary>A typed pipe without listeners: an outside component cannot add one.</summary>
internal sealed class SilentPipe<TMessage>(string name) : IPipe<TMessage>
{
    public string ContextDescription => name;

    public void Send(TMessage msg)
    {
    }

    public TException Process<TException>(TException ex) where TException : Exception => ex;

    public void Dispose()
    {
    }
}
