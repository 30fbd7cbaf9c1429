using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Audit;

/// <summary>
/// Compares the approximations of each layer's curvature with the exact Fisher of a sample of the data: errors of products
/// and inverses, trace and condition, how well the quadratic model predicts the loss, and in words which approximation
/// and damping it would choose. The loss is plain cross-entropy, whatever weights and smoothing the training had.
/// docs/kfac.md says how to read it.
/// </summary>
public static class CurvatureAudit
{
    /// <summary>Audits <paramref name="model"/>, which stays as it is.</summary>
    /// <param name="model">Best a network that is at least briefly trained: curvature at the start tells little of later.</param>
    /// <param name="sample">Images to draw the sample from, of the model's shape and classes.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of its range, there is no image, or images and model do not go together.</exception>
    public static CurvatureReport Run(ImageClassifier model, IImageSource sample, CurvatureAuditOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sample);
        options ??= new CurvatureAuditOptions();
        options.Validate();
        ImageSet.Of(sample).RequireFit(model.Spec, nameof(sample));
        int[] indices = [.. Enumerable.Range(0, sample.Count)];
        new SplitMix64(options.Seed, RandomStream.AuditSample).Shuffle(indices);
        int count = Math.Max(1, Math.Min(options.Examples, sample.Count / 2));

        using var workers = new Workers(options.Threads == 0 ? Environment.ProcessorCount : options.Threads);
        ParameterStore parameters = model.Store.CopyValues();
        var settings = new AuditSettings(
            [.. options.Approximations.Distinct()], [.. options.Dampings.Distinct().Order()], options.DampingIsRelative,
            options.EstimationMode, options.Vectors, options.MaxProducts, options.LargestMatrix, options.Seed);
        return LayerAudit.Run(Load(indices[..count]), Load(indices[^count..]), settings, options.OnLayer);

        LabelledBatch Load(int[] images)
        {
            var network = new Network(model.Spec, images.Length, workers, trains: true, parameters);
            var pixels = new float[sample.Shape.Size];
            for (int n = 0; n < images.Length; n++)
            {
                sample.ReadImage(images[n], pixels);
                model.Scaling.Write(pixels, network.Input, n);
            }

            return new LabelledBatch(network, [.. images.Select(sample.GetLabel)]);
        }
    }
}
