namespace Kfac.Parallel;

/// <summary>Ranks that train together have lost each other; the message names the rank that is to blame where that is known.</summary>
public sealed class CommunicatorException(string message) : Exception(message);
