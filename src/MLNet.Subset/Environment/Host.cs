namespace Microsoft.ML.Runtime;

/// <summary>
/// The one implementation of <see cref="IHost"/>: a node of the tree that starts at an <see cref="MLContext"/>.
/// Every node shares the root's listener and component catalog and draws its seed from its parent.
/// </summary>
internal sealed class Host : IHost
{
    private readonly Action<ChannelMessage, string> _listener;
    private readonly Lock _seedLock = new();

    public Host(int? seed, Action<ChannelMessage, string> listener)
        : this("Environment", seed is int fixedSeed ? new Random(fixedSeed) : new Random(), new ComponentCatalog(), listener)
    {
    }

    private Host(string name, Random rand, ComponentCatalog catalog, Action<ChannelMessage, string> listener)
    {
        ContextDescription = name;
        Rand = rand;
        ComponentCatalog = catalog;
        _listener = listener;
    }

    public Random Rand { get; }

    public ComponentCatalog ComponentCatalog { get; }

    public string ContextDescription { get; }

    public IHost Register(string name, int? seed = null, bool? verbose = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_seedLock)
        {
            return new Host(name, new Random(seed ?? Rand.Next()), ComponentCatalog, _listener);
        }
    }

    public IChannel Start(string name) => new LogChannel($"{ContextDescription}; {name}", _listener);

    public IPipe<TMessage> StartPipe<TMessage>(string name) => new SilentPipe<TMessage>(name);

    public IProgressChannel StartProgressChannel(string name) => new SilentProgressChannel();

    public TException Process<TException>(TException ex) where TException : Exception => ex;
}
