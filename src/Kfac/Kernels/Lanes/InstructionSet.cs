using System.Runtime.Intrinsics.X86;

namespace Kfac.Kernels;

/// <summary>Which text of the machine the kernels are compiled to. Within one, results have the same bits everywhere.</summary>
/// <remarks>
/// From worst to best, with the share of the multiply-add peak of its own vectors that the 3 x 3 convolution 32-32 at 28 x 28
/// reaches, by the definition and by Winograd (docs/kernels.md has the command).
/// </remarks>
internal enum InstructionSet
{
    /// <summary>19 %, 62 % of what 128 bits can.</summary>
    Scalar,

    /// <summary>98 %, 291 %; half the registers' width is half the peak.</summary>
    Vector128,

    /// <summary>98 %, 275 %.</summary>
    Avx2,

    /// <summary>101 %, 290 %: as many multiply-adds in half the instructions.</summary>
    Avx512,
}

/// <summary>The one place that chooses an instruction set.</summary>
internal static class InstructionSets
{
    /// <summary>Environment variable that forces one: avx512, avx2, vector128 or scalar.</summary>
    public const string Variable = "KFAC_ISA";

    /// <summary>All that run on this machine, best first.</summary>
    public static IReadOnlyList<InstructionSet> Available { get; } = [.. Enum.GetValues<InstructionSet>().Where(IsSupported).Reverse()];

    /// <summary>The one in use where none is asked for.</summary>
    public static InstructionSet Current { get; } = Choose(Environment.GetEnvironmentVariable(Variable));

    public static bool IsSupported(InstructionSet isa) => isa switch
    {
        InstructionSet.Avx512 => Avx512F.IsSupported && Avx512DQ.IsSupported,
        InstructionSet.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        InstructionSet.Vector128 => System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated,
        InstructionSet.Scalar => true,
        _ => false,
    };

    /// <exception cref="InvalidOperationException"><paramref name="forced"/> is unknown, or this machine does not have it.</exception>
    public static InstructionSet Choose(string? forced)
    {
        if (string.IsNullOrEmpty(forced))
            return Available[0];
        if (!Enum.TryParse(forced, ignoreCase: true, out InstructionSet isa) || !Enum.IsDefined(isa) || char.IsAsciiDigit(forced[0]))
            throw new InvalidOperationException($"{Variable}={forced} is unknown; expected one of {Names(Enum.GetValues<InstructionSet>())}.");
        if (!IsSupported(isa))
            throw new InvalidOperationException($"{Variable}={forced} is not supported by this machine, which has {Names(Available)}.");
        return isa;
    }

    private static string Names(IEnumerable<InstructionSet> sets) => string.Join(", ", sets).ToLowerInvariant();
}
