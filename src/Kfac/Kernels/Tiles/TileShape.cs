using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>The number of rows of a micro-tile, as a type: the compiler folds every test of it.</summary>
internal interface IRows
{
    static abstract int Count { get; }

    /// <summary>Whether there is one row more, whose elements of A are all 1.</summary>
    static virtual bool AndOnes => false;

    /// <summary>Whether some leave out terms, as <see cref="FiveTapsWithoutPadding"/> says.</summary>
    static virtual bool Tapered => false;
}

internal readonly struct Rows1 : IRows { public static int Count => 1; }

internal readonly struct Rows2 : IRows { public static int Count => 2; }

internal readonly struct Rows3 : IRows { public static int Count => 3; }

internal readonly struct Rows4 : IRows { public static int Count => 4; }

internal readonly struct Rows5 : IRows { public static int Count => 5; }

internal readonly struct Rows6 : IRows { public static int Count => 6; }

internal readonly struct Rows7 : IRows { public static int Count => 7; }

internal readonly struct WithBiasRow<TRows> : IRows
    where TRows : struct, IRows
{
    public static int Count => TRows.Count;

    static bool IRows.AndOnes => true;

    static bool IRows.Tapered => TRows.Tapered;
}

/// <summary>
/// Five rows, some of which leave out terms at either end of a group, where A would be zero: the first term rows 0 and 1, the
/// second row 0, the last but one row 4, the last rows 3 and 4. Such are the pixels of a row of a filter five wide that goes along
/// a grey image with two columns of padding.
/// </summary>
internal readonly struct FiveTapsWithoutPadding : IRows
{
    /// <summary>Products for a group and a column that are left out.</summary>
    public const int LeftOut = 6;

    public static int Count => 5;

    static bool IRows.Tapered => true;
}

/// <summary>The columns of a micro-tile, as a type.</summary>
internal unsafe interface IColumns
{
    /// <summary>Vectors side by side, 1 or 2.</summary>
    static abstract int Vectors { get; }

    /// <summary>A vector, or the first <paramref name="columns"/> of one that is partial.</summary>
    static abstract TVector Load<TLanes, TVector>(float* from, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged;

    /// <summary>The same for storing.</summary>
    static abstract void Store<TLanes, TVector>(float* to, TVector value, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged;
}

internal readonly unsafe struct TwoVectors : IColumns
{
    public static int Vectors => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(float* from, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged => TLanes.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes, TVector>(float* to, TVector value, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged => TLanes.Store(to, value);
}

internal readonly unsafe struct OneVector : IColumns
{
    public static int Vectors => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(float* from, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged => TLanes.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes, TVector>(float* to, TVector value, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged => TLanes.Store(to, value);
}

internal readonly unsafe struct PartialVector : IColumns
{
    public static int Vectors => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(float* from, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged => TLanes.LoadFirst(from, columns);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes, TVector>(float* to, TVector value, int columns)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged => TLanes.StoreFirst(to, value, columns);
}

/// <summary>Whether a result is 0 where a gate is not positive, as a type.</summary>
internal interface IGate
{
    static abstract bool Is { get; }
}

internal readonly struct Gated : IGate { public static bool Is => true; }

internal readonly struct Ungated : IGate { public static bool Is => false; }

/// <summary>Neighbouring columns of a matrix that one micro-tile covers.</summary>
/// <param name="Start">The first column.</param>
/// <param name="Columns">How many.</param>
/// <param name="Width">Columns when padded to whole vectors.</param>
internal readonly record struct Panel(int Start, int Columns, int Width)
{
    /// <summary>
    /// Pairs of vectors, then one vector, then what is left. All of them but the last start at a multiple of the vector,
    /// so that padded panels one behind the other begin at <see cref="Start"/> times their depth.
    /// </summary>
    public static Panel[] Split(int columns, int vector)
    {
        List<Panel> panels = [];
        for (int start = 0; start < columns;)
        {
            int left = columns - start;
            int width = left >= 2 * vector ? 2 * vector : vector;
            panels.Add(new Panel(start, Math.Min(left, width), width));
            start += width;
        }
        return [.. panels];
    }

    /// <summary>The same, equal ones together: the first of them, and how many there are.</summary>
    public static (Panel First, int Count)[] EqualPanels(int columns, int vector) =>
        [.. Split(columns, vector).GroupBy(panel => (panel.Columns, panel.Width)).Select(equal => (equal.First(), equal.Count()))];
}

/// <summary>Count things cut into Chunks, as even as can be: the first ones are one larger.</summary>
internal readonly record struct EvenSplit(int Count, int Chunks)
{
    /// <summary>Chunks of at most <paramref name="largest"/>.</summary>
    public static EvenSplit AtMost(int count, int largest) => new(count, (count + largest - 1) / largest);

    /// <summary>The size of the first chunk.</summary>
    public int Largest => (Count + Chunks - 1) / Chunks;

    /// <summary>Chunks that are one smaller, the last ones.</summary>
    public int Smaller => (Largest * Chunks) - Count;

    public int Size(int chunk) => (Count / Chunks) + (chunk < Count % Chunks ? 1 : 0);

    public int Start(int chunk) => (chunk * (Count / Chunks)) + Math.Min(chunk, Count % Chunks);
}
