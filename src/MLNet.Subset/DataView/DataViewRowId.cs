namespace Microsoft.ML.Data;

/// <summary>A 128-bit identity of a row, from which further ones can be derived without collisions in practice.</summary>
public readonly struct DataViewRowId : IComparable<DataViewRowId>, IEquatable<DataViewRowId>
{
    public readonly ulong Low;
    public readonly ulong High;

    public DataViewRowId(ulong low, ulong high)
    {
        Low = low;
        High = high;
    }

    /// <summary>An identity derived from this one.</summary>
    public DataViewRowId Fork() => Derive(0x9E3779B97F4A7C15);

    /// <summary>Another identity derived from this one, for use in a sequence.</summary>
    public DataViewRowId Next() => Derive(0xD1B54A32D192ED03);

    /// <summary>An identity derived from two.</summary>
    public DataViewRowId Combine(DataViewRowId other) => Derive(other.Low).Derive(other.High);

    public bool Equals(DataViewRowId other) => Low == other.Low && High == other.High;

    public override bool Equals(object obj) => obj is DataViewRowId other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Low, High);

    public int CompareTo(DataViewRowId other)
    {
        int byHigh = High.CompareTo(other.High);
        return byHigh != 0 ? byHigh : Low.CompareTo(other.Low);
    }

    public override string ToString() => $"{High:x16}{Low:x16}";

    private DataViewRowId Derive(ulong salt)
    {
        ulong low = Scramble(Low + salt);
        return new DataViewRowId(Scramble(low ^ High), Scramble(High + low));
    }

    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
    private static ulong Scramble(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }
}
