namespace Kfac.Memory;

/// <summary>The examples <paramref name="First"/> … <paramref name="End"/>-1 of a batch.</summary>
internal readonly record struct ExampleRange(int First, int End)
{
    public int Count => End - First;
}
