using System.Globalization;
using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>What one step saw.</summary>
/// <param name="LossSum">Sum of the examples' losses before the step; not finite where the step was refused.</param>
/// <param name="Correct">How many examples were classified correctly before the step.</param>
/// <param name="Recovery">Null after a normal step; otherwise what was wrong and what was done about it.</param>
/// <param name="Warnings">What else had to be helped, in a sentence each; the step was taken all the same.</param>
internal readonly record struct StepReport(double LossSum, int Correct, string? Recovery, IReadOnlyList<string> Warnings);

/// <summary>
/// Changes a network's parameters so that the loss of a batch falls. A step on which the loss is not finite, or would leave a
/// parameter that is not, is not taken: the last parameters with a finite loss come back, and the optimizer becomes more careful.
/// </summary>
internal abstract class Optimizer
{
    /// <summary>So many recoveries, each within <see cref="CalmSteps"/> of the last, end the training.</summary>
    private const int MaxRecoveries = 6;

    private const int CalmSteps = 20;

    private readonly AlignedBuffer _lastGood;
    private readonly ChunkAction _rememberChunk;
    private readonly Parameter[] _statistics;
    private readonly List<string> _warnings = [];
    private float _caution = 1;
    private int _recoveriesInARow;
    private int _stepsSinceRecovery;
    private int _recoveries;
    private int _curvatureRecoveries;

    /// <param name="network">What it trains, with its initial parameters.</param>
    /// <param name="learningRate">α before the schedule's factor, as reports give it.</param>
    private protected Optimizer(Network network, float learningRate)
    {
        Network = network;
        LearningRate = learningRate;
        Loss = new SoftmaxCrossEntropy(network.Spec.Output.Size, network.Capacity);
        Chunks = new Chunks(network.Workers, network.Store.Length);
        _rememberChunk = RememberChunk;
        _statistics = [.. Store.Parameters.Where(parameter => parameter.Kind == ParameterKind.Statistic)];
        Weights = [.. network.Parameters.Where(parameter => parameter.Kind == ParameterKind.Weights)];
        _lastGood = new AlignedBuffer(network.Store.Length);
        Store.Values.Span.CopyTo(_lastGood.Span);
    }

    /// <summary>The curvature that it goes by; null where it goes by the gradient alone.</summary>
    public virtual LayerCollection? Curvature => null;

    /// <summary>How many steps were refused because the loss, the gradient or a parameter was not finite.</summary>
    public int Recoveries => _recoveries;

    /// <summary>How many times the curvature had to be helped, although the step was taken.</summary>
    public int CurvatureRecoveries => _curvatureRecoveries;

    public SoftmaxCrossEntropy Loss { get; }

    /// <summary>α before the schedule's factor and <see cref="Caution"/>; of the first layer where layers differ.</summary>
    public float LearningRate { get; }

    /// <summary>Multiplies the learning rate, 0 … 1: each recovery halves it.</summary>
    public float Caution => _caution;

    /// <summary>What may help a training that diverges: options and their values.</summary>
    public virtual string Advice => string.Create(CultureInfo.InvariantCulture, $"lower {nameof(LearningRate)}, which is {LearningRate}");

    private protected Network Network { get; }

    private protected ParameterStore Store => Network.Store;

    /// <summary>Filters and weight matrices, first layer first.</summary>
    private protected Parameter[] Weights { get; }

    /// <summary>Mean loss of the batch before the step.</summary>
    private protected double LastLoss { get; private set; }

    /// <summary>The parameters before the last step that was taken.</summary>
    public ReadOnlySpan<float> LastGoodValues => _lastGood.Span;

    /// <summary>Goes through the store's arrays.</summary>
    private protected Chunks Chunks { get; }

    /// <summary>One step on the batch in <see cref="Running.Network.Input"/>.</summary>
    /// <param name="labels">The batch's classes; as many as it has examples.</param>
    /// <param name="scheduleFactor">What the schedule makes of the step at this time; multiplies the learning rate.</param>
    /// <exception cref="TrainingDivergedException">The loss keeps being not finite although every remedy was tried.</exception>
    /// <exception cref="OperationCanceledException">The workers were told to stop: the parameters are those before the step.</exception>
    public StepReport Step(ReadOnlySpan<int> labels, double scheduleFactor)
    {
        _warnings.Clear();
        bool isRemembered = false;
        try
        {
            return Step(labels, scheduleFactor, ref isRemembered);
        }
        catch (OperationCanceledException) when (isRemembered)
        {
            Restore();
            throw;
        }
    }

    private StepReport Step(ReadOnlySpan<int> labels, double scheduleFactor, ref bool isRemembered)
    {
        Network.Forward(labels.Length, isTraining: true);
        (double loss, int correct) = Loss.Forward(Network.Logits, labels);
        if (!double.IsFinite(loss))
        {
            return new StepReport(loss, correct, Recover($"the loss was {loss}"), []);
        }

        // A network that normalises by the batch may have a finite loss although what is to be its statistic overflows.
        if (_statistics.FirstOrDefault(statistic => !float.IsFinite(TensorPrimitives.Sum(statistic.Values))) is { } overflown)
        {
            return new StepReport(double.NaN, correct, Recover($"{overflown.Name} was not finite"), []);
        }

        LastLoss = loss / labels.Length;
        Chunks.Run(Store.Length, _rememberChunk);
        isRemembered = true;
        if (!Update(labels, (float)scheduleFactor))
        {
            return new StepReport(loss, correct, Recover("the gradient was not finite"), _warnings);
        }

        Store.MarkChanged();
        if (!HasFiniteValues)
        {
            return new StepReport(loss, correct, Recover("the step led to a parameter that is not finite"), _warnings);
        }

        _recoveriesInARow = ++_stepsSinceRecovery > CalmSteps ? 0 : _recoveriesInARow;
        return new StepReport(loss, correct, null, _warnings);
    }

    /// <summary>Looks at the batch in <see cref="Running.Network.Input"/> once more, to take the last step back if it left parameters without a finite loss.</summary>
    /// <param name="labels">The batch's classes.</param>
    /// <returns>Null, or what was done.</returns>
    /// <exception cref="TrainingDivergedException">It is one such step too many.</exception>
    public string? TakeBackRuinousStep(ReadOnlySpan<int> labels)
    {
        double loss = PredictedLoss(labels);
        if (double.IsFinite(loss))
        {
            return null;
        }

        string recovery = Recover($"after the step the loss was {loss}");
        return double.IsFinite(PredictedLoss(labels))
            ? recovery
            : throw new TrainingDivergedException($"training diverged: after the step the loss was {loss}, and with the last good parameters the network's scores are not finite either where it predicts; {Advice}");
    }

    /// <summary>
    /// Copies everything that a training must go on with out to <paramref name="state"/>, or back from it: the parameters and
    /// whatever else decides a bit of the steps to come.
    /// </summary>
    public virtual void CaptureOrRestore(StateDictionary state)
    {
        state.CaptureOrRestore("values", Store.Values.Span);
        state.CaptureOrRestore("lastGoodValues", _lastGood.Span);
        state.CaptureOrRestore("curvatureRecoveries", ref _curvatureRecoveries);
        state.CaptureOrRestore("recoveries", ref _recoveries);
        state.CaptureOrRestore("caution", ref _caution);
        state.CaptureOrRestore("recoveriesInARow", ref _recoveriesInARow);
        state.CaptureOrRestore("stepsSinceRecovery", ref _stepsSinceRecovery);
        if (Network.FrozenLayers > 0)
        {
            int frozen = Network.FrozenLayers;
            state.CaptureOrRestore("frozenLayers", ref frozen);
            state.RequirePossible(frozen == Network.FrozenLayers);
        }

        long passes = Network.TrainingPasses;
        state.CaptureOrRestore("trainingPasses", ref passes);
        state.RequirePossible(_caution is >= 0 and <= 1 && passes >= 0 && _curvatureRecoveries >= 0 && _stepsSinceRecovery >= 0 && _recoveriesInARow >= 0 && _recoveriesInARow < MaxRecoveries && _recoveriesInARow <= _recoveries);
        Network.TrainingPasses = passes;
        Store.MarkChanged();
    }

    /// <summary>Computes the gradient (and what else it needs) on the current batch and changes the parameters.</summary>
    /// <returns>False, and the parameters unchanged, where the update would not be finite.</returns>
    private protected abstract bool Update(ReadOnlySpan<int> labels, float scheduleFactor);

    /// <summary>Forgets the momentum and does what else helps, besides the lower learning rate.</summary>
    /// <returns>What else was done, as a clause; null for nothing that a person need know.</returns>
    private protected abstract string? BackOff();

    /// <summary>Reports something that the user should know although the step is taken.</summary>
    private protected void Warn(string what) => _warnings.Add(what);

    /// <summary>Reports that the curvature had to be helped, although the step is taken.</summary>
    private protected void ReportCurvatureRecovery(string what)
    {
        _curvatureRecoveries++;
        Warn(what);
    }

    /// <summary>Leaves the gradient of the mean loss in the store.</summary>
    private protected void ComputeGradient(ReadOnlySpan<int> labels)
    {
        Loss.WriteGradient(labels, Network.LogitsGradient!);
        Network.Backward(BackwardQuantities.Gradient);
    }

    /// <summary>g += λ·w for the weights, the gradient of λ/2·|w|²; biases and the scales of normalisations are left alone.</summary>
    private protected void AddL2Gradient(float l2)
    {
        if (l2 == 0)
        {
            return;
        }

        foreach (Parameter parameter in Weights)
        {
            Span<float> gradient = Store.Gradients.Span.Slice(parameter.Offset, parameter.Length);
            TensorPrimitives.MultiplyAdd(parameter.Values, l2, gradient, gradient);
        }
    }

    /// <summary>weights *= 1 - min(share, 1), for a schedule may ask for more than all; biases and the scales of normalisations are left alone.</summary>
    private protected void DecayWeights(Parameter parameter, float share)
    {
        if (share != 0 && parameter.Kind == ParameterKind.Weights)
        {
            Chunks.Scale(parameter.MutableValues, 1 - Math.Min(share, 1));
        }
    }

    private bool HasFiniteValues => double.IsFinite(Chunks.Sum(Store.Values.Span));

    private double PredictedLoss(ReadOnlySpan<int> labels)
    {
        Network.Forward(labels.Length);
        return Loss.ForwardPlain(Network.Logits, labels).LossSum;
    }

    private void Restore()
    {
        _lastGood.Span.CopyTo(Store.Values.Span);
        Store.MarkChanged();
    }

    private void RememberChunk(int start, int length) => Store.Values.Span.Slice(start, length).CopyTo(_lastGood.Span[start..]);

    private string Recover(string reason)
    {
        _recoveries++;
        _stepsSinceRecovery = 0;
        if (++_recoveriesInARow >= MaxRecoveries)
        {
            throw new TrainingDivergedException($"training diverged: {reason}, {MaxRecoveries} times in a row, although the last good parameters were restored each time; {Advice}");
        }

        Restore();
        _caution /= 2;
        string also = BackOff() is { } done ? $"{done}, " : "";
        return $"{reason}: the last good parameters were restored, {also}the learning rate is now multiplied by {_caution}";
    }
}
