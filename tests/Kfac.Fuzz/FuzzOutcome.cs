namespace Kfac.Fuzz;

/// <summary>What came of a file. Anything else is an exception.</summary>
public enum FuzzOutcome
{
    /// <summary>It was refused by the exception that says so.</summary>
    Refused,

    /// <summary>It was read, but is too costly to use, or its use was refused.</summary>
    Read,

    /// <summary>It was read and used.</summary>
    Used,
}
