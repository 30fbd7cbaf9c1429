using System.CommandLine;
using System.Text.Json;
using Kfac.Images;
using Kfac.Models;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Bench.Training;

/// <summary>Trains on a folder of IDX files and prints a line for each epoch: seconds of training so far, loss, test accuracy.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Folder with train-* and t10k-* IDX files, gzipped or not.", Required = true };
        var net = new Option<string>("--net") { Description = "S, M, L or auto (the trainer's own default).", DefaultValueFactory = _ => "M" };
        var optimizer = new Option<string>("--optimizer") { Description = $"One of {string.Join(", ", BenchmarkOptimizers.Names)}.", DefaultValueFactory = _ => "kfac" };
        var epochs = new Option<int?>("--epochs") { Description = "Passes over the training images." };
        var thorough = new Option<bool>("--thorough") { Description = "For photographs: twice the epochs, and --shifted." };
        var batch = new Option<int?>("--batch") { Description = "Images in a step." };
        var seed = new Option<int>("--seed") { Description = "Seed of everything random.", DefaultValueFactory = _ => 1 };
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes all processors." };
        var learningRate = new Option<float?>("--learning-rate") { Description = "Step size." };
        var damping = new Option<float?>("--damping") { Description = "K-FAC: damping." };
        var exponent = new Option<float?>("--exponent") { Description = "K-FAC: exponent of the curvature, -1 for the natural gradient." };
        var constraint = new Option<string?>("--constraint") { Description = "K-FAC: none, kullbackleibler or spectral." };
        var decay = new Option<float?>("--ema-decay") { Description = "K-FAC: decay of the running average." };
        var norm = new Option<float?>("--norm-constraint") { Description = "K-FAC: norm constraint." };
        var perLayer = new Option<bool?>("--norm-constraint-per-layer") { Description = "K-FAC: each layer is held to its share of the norm constraint." };
        var momentumKind = new Option<string?>("--momentum-kind") { Description = "K-FAC: regular, nesterov, gradient or quadraticmodel." };
        var momentum = new Option<float?>("--momentum") { Description = "SGD, Muon, K-FAC: momentum." };
        var weightDecay = new Option<float?>("--weight-decay") { Description = "Decoupled weight decay." };
        var l2 = new Option<float?>("--l2") { Description = "L2 regularisation." };
        var approximation = new Option<string?>("--approximation") { Description = "K-FAC: auto, diagonal, kronecker, ekfac, full or naivediagonal." };
        var layers = new Option<string[]>("--layer") { Description = "K-FAC: approximation of one layer, as in conv2d_1=kronecker." };
        var period = new Option<int?>("--inverse-period") { Description = "K-FAC: steps between inverses." };
        var factorPeriod = new Option<int?>("--factor-period") { Description = "K-FAC: steps between updates of the curvature." };
        var factorExamples = new Option<int?>("--factor-examples") { Description = "K-FAC: examples of a batch that enter a convolution's covariances; 0 takes all." };
        var diagonalExamples = new Option<int?>("--diagonal-examples") { Description = "K-FAC: examples of a batch whose squares enter the diagonal of a convolution; 0 takes all." };
        var relative = new Option<bool?>("--relative-damping") { Description = "K-FAC: damping is a multiple of a block's mean eigenvalue." };
        var averaged = new Option<double?>("--averaged-epochs") { Description = "Epochs that the parameters' running average looks back on; 0 for none." };
        var mode = new Option<string?>("--mode") { Description = "K-FAC: empirical or gradients." };
        var schedule = new Option<string?>("--schedule") { Description = "constant, cosine, onecycle or linear." };
        var final = new Option<double?>("--final") { Description = "Factor on the learning rate at the end of the cosine." };
        var smoothing = new Option<float?>("--label-smoothing") { Description = "Label smoothing." };
        var augmentation = new Option<string?>("--augmentation") { Description = "Changes of the training pictures, as in 'shift 0.125, horizontal flip'; none for none." };
        var mirrored = new Option<bool?>("--mirrored") { Description = "Averages the scores of each picture and its mirror image; by default where pictures are mirrored." };
        var shifted = new Option<bool>("--shifted") { Description = "Averages the scores of each picture and of the picture moved a little, and reports the model without that first." };
        var model = new Option<string?>("--model") { Description = "File to write the model to." };
        var validation = new Option<double>("--validation") { Description = "Share of the training images set apart and reported instead of the test images." };
        var json = new Option<bool>("--json") { Description = "One JSON object a line." };
        var command = new Command("train", "Trains on IDX files and reports accuracy against training seconds.")
        {
            data, net, optimizer, epochs, thorough, batch, seed, threads, learningRate, damping, exponent, constraint, decay, norm, perLayer, momentum, momentumKind, weightDecay, l2, mode, approximation, layers, period, factorPeriod, factorExamples, diagonalExamples, relative, averaged, schedule, final, smoothing, augmentation, mirrored, shifted, model, validation, json,
        };
        command.SetAction(arguments =>
        {
            MemoryImageSource training = IdxFile.ReadFolder(arguments.GetValue(data)!, "train");
            MemoryImageSource test = IdxFile.ReadFolder(arguments.GetValue(data)!, "t10k");
            double fraction = arguments.GetValue(validation);
            (IImageSource fit, IImageSource held) = fraction > 0
                ? ImageSourceSplit.Stratified(training, fraction, seed: 0)
                : ((IImageSource)training, (IImageSource)test);
            OptimizerOptions chosen = BenchmarkOptimizers.Create(arguments.GetValue(optimizer)!) switch
            {
                SgdOptions sgd => sgd with { Momentum = arguments.GetValue(momentum) ?? sgd.Momentum },
                MuonOptions muon => muon with { Momentum = arguments.GetValue(momentum) ?? muon.Momentum },
                KfacOptions kfac => Kfac(kfac),
                OptimizerOptions other => other,
            };
            chosen = chosen with
            {
                LearningRate = arguments.GetValue(learningRate) ?? chosen.LearningRate,
                WeightDecay = arguments.GetValue(weightDecay) ?? chosen.WeightDecay,
                L2 = arguments.GetValue(l2) ?? chosen.L2,
            };
            var defaults = new TrainingOptions();
            string network = arguments.GetValue(net)!;
            var options = defaults with
            {
                Network = network == "auto" ? null : BenchmarkNetworks.Create(network),
                Optimizer = chosen,
                Epochs = arguments.GetValue(epochs) ?? defaults.Epochs,
                Thorough = arguments.GetValue(thorough),
                // The images that are reported on have no say in the model: it is calibrated as if there were none.
                CalibrationFraction = Recipe.CalibrationFractionOf(fit.Shape, fit.Count),
                AverageMirrored = arguments.GetValue(mirrored),
                AverageShifted = arguments.GetValue(shifted),
                BatchSize = arguments.GetValue(batch) ?? defaults.BatchSize,
                Seed = arguments.GetValue(seed),
                Threads = arguments.GetValue(threads),
                LabelSmoothing = arguments.GetValue(smoothing) ?? defaults.LabelSmoothing,
                Augmentation = arguments.GetValue(augmentation) is { } changes ? AugmentationOptions.Parse(changes) : defaults.Augmentation,
                ParameterAveragingEpochs = arguments.GetValue(averaged) ?? defaults.ParameterAveragingEpochs,
                Schedule = arguments.GetValue(schedule) switch
                {
                    null or "cosine" => arguments.GetValue(final) is { } end ? new WarmUpCosineSchedule(Final: end) : new WarmUpCosineSchedule(),
                    "constant" => LearningRateSchedule.Constant,
                    "onecycle" => new OneCycleSchedule(),
                    "linear" => new PolynomialSchedule(),
                    string other => throw new ArgumentException($"--schedule must be constant, cosine, onecycle or linear, but is {other}"),
                },
                OnEpoch = report => Print(report, arguments.GetValue(json)),
                OnWarning = Console.Error.WriteLine,
            };
            ImageClassifier trained = new ImageClassifierTrainer(options).Fit(fit, held);
            if (arguments.GetValue(model) is { } path)
            {
                trained.Save(path);
            }

            if (trained.AveragesShifted)
            {
                Print(trained.WithViews(trained.Views with { Shifted = false }), held, arguments.GetValue(json));
            }

            Print(trained, held, arguments.GetValue(json));

            KfacOptions Kfac(KfacOptions o) => o with
            {
                Damping = arguments.GetValue(damping) ?? o.Damping,
                Exponent = arguments.GetValue(exponent) ?? o.Exponent,
                Constraint = arguments.GetValue(constraint) is { } kind ? Enum.Parse<NormConstraintKind>(kind, ignoreCase: true) : o.Constraint,
                EmaDecay = arguments.GetValue(decay) ?? o.EmaDecay,
                NormConstraint = arguments.GetValue(norm) ?? o.NormConstraint,
                NormConstraintPerLayer = arguments.GetValue(perLayer) ?? o.NormConstraintPerLayer,
                Momentum = arguments.GetValue(momentum) ?? o.Momentum,
                MomentumKind = arguments.GetValue(momentumKind) is { } applied ? Enum.Parse<KfacMomentumKind>(applied, ignoreCase: true) : o.MomentumKind,
                Approximation = arguments.GetValue(approximation) is { } block ? Parse(block) : o.Approximation,
                LayerApproximations = arguments.GetValue(layers) is { } chosenLayers
                    ? chosenLayers.Select(text => text.Split('=')).ToDictionary(pair => pair[0], pair => Parse(pair[1]))
                    : o.LayerApproximations,
                InverseUpdatePeriod = arguments.GetValue(period) ?? o.InverseUpdatePeriod,
                FactorUpdatePeriod = arguments.GetValue(factorPeriod) ?? o.FactorUpdatePeriod,
                FactorExamples = arguments.GetValue(factorExamples) switch { null => o.FactorExamples, 0 => null, int n => n },
                DiagonalExamples = arguments.GetValue(diagonalExamples) switch { null => o.DiagonalExamples, 0 => null, int n => n },
                DampingIsRelative = arguments.GetValue(relative) ?? o.DampingIsRelative,
                EstimationMode = arguments.GetValue(mode) is { } name ? Enum.Parse<Curvature.EstimationMode>(name, ignoreCase: true) : o.EstimationMode,
            };

            static Curvature.FisherApproximation Parse(string name) => Enum.Parse<Curvature.FisherApproximation>(name, ignoreCase: true);
        });
        return command;
    }

    /// <summary>How the finished model fares: calibrated, and with mirror images where it averages them.</summary>
    private static void Print(ImageClassifier model, IImageSource test, bool json)
    {
        var tally = new ProbabilityTally();
        using ImagePredictor predictor = model.CreatePredictor(model.UsualBatchCapacity, Environment.ProcessorCount);
        int capacity = predictor.BatchCapacity;
        float[] pixels = new float[capacity * model.InputShape.Size], probabilities = new float[capacity * model.ClassCount];
        for (int first = 0; first < test.Count; first += capacity)
        {
            int count = Math.Min(capacity, test.Count - first);
            for (int n = 0; n < count; n++)
            {
                test.ReadImage(first + n, pixels.AsSpan(n * model.InputShape.Size, model.InputShape.Size));
            }

            predictor.Predict(pixels.AsSpan(0, count * model.InputShape.Size), probabilities.AsSpan(0, count * model.ClassCount));
            for (int n = 0; n < count; n++)
            {
                tally.Add(probabilities.AsSpan(n * model.ClassCount, model.ClassCount), test.GetLabel(first + n));
            }
        }

        Console.WriteLine(json
            ? JsonSerializer.Serialize(new
            {
                epoch = model.History[^1].Epoch,
                seconds = Math.Round(model.History[^1].Seconds, 3),
                training_loss = Math.Round(model.History[^1].TrainingLoss, 5),
                test_accuracy = Math.Round(tally.Accuracy, 5),
                test_log_loss = Math.Round(tally.LogLoss, 5),
                test_calibration_error = Math.Round(tally.CalibrationError, 5),
                temperature = Math.Round(model.Temperature, 4),
                mirrored = model.AveragesMirrored,
                shifted = model.AveragesShifted,
            })
            : $"the model: test {tally.Accuracy:P2}  log-loss {tally.LogLoss:F4}  calibration error {tally.CalibrationError:F4}  temperature {model.Temperature:F3}{(model.AveragesMirrored ? "  with mirror images" : "")}{(model.AveragesShifted ? "  with moved images" : "")}");
    }

    private static void Print(EpochReport report, bool json) => Console.WriteLine(json
        ? JsonSerializer.Serialize(new
        {
            epoch = report.Epoch,
            seconds = Math.Round(report.Seconds, 3),
            training_loss = Math.Round(report.TrainingLoss, 5),
            test_accuracy = Math.Round(report.ValidationAccuracy!.Value, 5),
            test_log_loss = Math.Round(report.ValidationLoss!.Value, 5),
        })
        : $"epoch {report.Epoch,3}  {report.Seconds,8:F1} s  {report.ImagesPerSecond,7:F0} images/s  loss {report.TrainingLoss:F4}  training {report.TrainingAccuracy:P2}  test {report.ValidationAccuracy:P2}");
}
