namespace System.Runtime.CompilerServices;

/// <summary>
/// Tells the runtime that the assembly which carries it may use the internals of another. The runtime knows it by name; no
/// framework assembly declares it.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
{
    /// <summary>The simple name of the assembly whose internals are used.</summary>
    public string AssemblyName { get; } = assemblyName;
}
