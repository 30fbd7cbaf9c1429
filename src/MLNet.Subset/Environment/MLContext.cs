using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>The door to everything: data, transforms, trainers, metrics and models of one environment.</summary>
public sealed class MLContext : IHostEnvironment
{
    private readonly Host _host;

    /// <param name="seed">Makes everything random repeatable; without it every context differs.</param>
    public MLContext(int? seed = null)
    {
        _host = new Host(seed, RaiseLog);
        MulticlassClassification = new MulticlassClassificationCatalog(_host);
        Transforms = new TransformsCatalog(_host);
        Model = new ModelOperationsCatalog(_host);
        Data = new DataOperationsCatalog(_host);
    }

    /// <summary>Raised for every message on a text channel of this context.</summary>
    public event EventHandler<LoggingEventArgs> Log;

    public MulticlassClassificationCatalog MulticlassClassification { get; }

    public TransformsCatalog Transforms { get; }

    public ModelOperationsCatalog Model { get; }

    public DataOperationsCatalog Data { get; }

    public ComponentCatalog ComponentCatalog => _host.ComponentCatalog;

    string IExceptionContext.ContextDescription => _host.ContextDescription;

    IHost IHostEnvironment.Register(string name, int? seed, bool? verbose) => _host.Register(name, seed, verbose);

    IChannel IChannelProvider.Start(string name) => _host.Start(name);

    IPipe<TMessage> IChannelProvider.StartPipe<TMessage>(string name) => _host.StartPipe<TMessage>(name);

    IProgressChannel IProgressChannelProvider.StartProgressChannel(string name) => _host.StartProgressChannel(name);

    TException IExceptionContext.Process<TException>(TException ex) => _host.Process(ex);

    private void RaiseLog(ChannelMessage message, string source)
        => Log?.Invoke(this, new LoggingEventArgs(message.Message, message.Kind, source));
}
