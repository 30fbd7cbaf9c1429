using System.CommandLine;
using System.Diagnostics;
using Kfac.Audit;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Training;

namespace Kfac.Bench.Training;

/// <summary>`audit`: trains briefly on IDX files and compares the curvature's approximations with the exact Fisher.</summary>
internal static class AuditCommand
{
    public static Command Create()
    {
        var defaults = new CurvatureAuditOptions();
        var data = new Option<string>("--data") { Description = "Folder with train-* IDX files, gzipped or not.", Required = true };
        var net = new Option<string>("--net") { Description = "S, M, L or auto (the trainer's own default).", DefaultValueFactory = _ => "S" };
        var epochs = new Option<int>("--epochs") { Description = "Epochs to train before, with the trainer's defaults.", DefaultValueFactory = _ => 1 };
        var examples = new Option<int>("--examples") { Description = "Images in the sample.", DefaultValueFactory = _ => defaults.Examples };
        var vectors = new Option<int>("--vectors") { Description = "Random vectors.", DefaultValueFactory = _ => defaults.Vectors };
        var damping = new Option<float[]>("--damping") { Description = "Dampings to try.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [.. defaults.Dampings] };
        var relative = new Option<bool>("--relative-damping") { Description = "Dampings are multiples of a layer's mean eigenvalue." };
        var mode = new Option<EstimationMode>("--mode") { Description = "How the blocks are estimated.", DefaultValueFactory = _ => defaults.EstimationMode };
        var largest = new Option<int>("--largest-matrix") { Description = "Most rows of a matrix to be factorised.", DefaultValueFactory = _ => defaults.LargestMatrix };
        var seed = new Option<int>("--seed") { Description = "Seed of everything random.", DefaultValueFactory = _ => 1 };
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes all processors." };
        var command = new Command("audit", "Compares each layer's curvature blocks with the exact Fisher of a sample.")
        {
            data, net, epochs, examples, vectors, damping, relative, mode, largest, seed, threads,
        };
        command.SetAction(arguments =>
        {
            MemoryImageSource training = IdxFile.ReadFolder(arguments.GetValue(data)!, "train");
            string network = arguments.GetValue(net)!;
            var trainer = new ImageClassifierTrainer(new TrainingOptions
            {
                Network = network == "auto" ? null : BenchmarkNetworks.Create(network),
                Epochs = arguments.GetValue(epochs),
                Seed = arguments.GetValue(seed),
                Threads = arguments.GetValue(threads),
                OnEpoch = report => Console.WriteLine($"epoch {report.Epoch}: {report.Seconds:F1} s, loss {report.TrainingLoss:F4}, accuracy {report.TrainingAccuracy:F4}"),
                OnWarning = Console.Error.WriteLine,
            });
            ImageClassifier model = trainer.Fit(training);
            var clock = Stopwatch.StartNew();
            CurvatureReport report = CurvatureAudit.Run(model, training, new CurvatureAuditOptions
            {
                Examples = arguments.GetValue(examples),
                Vectors = arguments.GetValue(vectors),
                Dampings = arguments.GetValue(damping)!,
                DampingIsRelative = arguments.GetValue(relative),
                EstimationMode = arguments.GetValue(mode),
                LargestMatrix = arguments.GetValue(largest),
                Seed = arguments.GetValue(seed),
                Threads = arguments.GetValue(threads),
            });
            report.WriteTable(Console.Out);
            Console.WriteLine($"{clock.Elapsed.TotalSeconds:F0} s");
        });
        return command;
    }
}
