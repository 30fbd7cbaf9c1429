namespace Microsoft.ML.Data;

/// <summary>Getters of values that do not change; buffers are copied out, as a caller may write into what it gets.</summary>
internal static class ConstantGetter
{
    public static Delegate Of<T>(T value) => MemberReading.MakeGetter(() => value);
}
