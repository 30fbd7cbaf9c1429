namespace Kfac;

/// <summary>
/// Who draws random numbers: each has a stream of its own under one seed, so that no two ever share a number. A new consumer
/// gets a new number here; the numbers stay, since seeded trainings depend on them.
/// </summary>
internal enum RandomStream
{
    /// <summary>Initial weights; indexed by layer.</summary>
    InitialWeights = 1,

    /// <summary>Order of the training images; indexed by epoch.</summary>
    ImageOrder = 2,

    /// <summary>Which images are set apart for validation; indexed by class.</summary>
    ValidationSplit = 3,

    /// <summary>Changes of a training image; indexed by epoch and image.</summary>
    Augmentation = 4,

    /// <summary>Labels, or signs, that curvature is estimated with; indexed by step.</summary>
    CurvatureLabels = 5,

    /// <summary>Seeds of a network's dropout masks; indexed by layer.</summary>
    Dropout = 6,

    /// <summary>Which images a curvature audit looks at.</summary>
    AuditSample = 7,

    /// <summary>The vectors that a curvature audit multiplies.</summary>
    AuditVectors = 8,

    /// <summary>In which epochs an image is mirrored, where they alternate; indexed by image.</summary>
    AlternatingFlip = 9,

    /// <summary>How two images are mixed; indexed by epoch and by their place in it.</summary>
    ImageMixing = 10,
}
