namespace Kfac.Optimizers;

/// <summary>The loss kept being NaN or infinite although the last good parameters were restored several times.</summary>
public sealed class TrainingDivergedException(string message) : InvalidOperationException(message);
