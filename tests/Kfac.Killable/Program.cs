using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kfac.Killable;
using Kfac.Models;
using Kfac.Tests.Images;
using Kfac.Training;

// Killable train NAME [FOLDER]: trains by the optimizer of that name, with a checkpoint after every step where there is a folder,
// and prints the SHA-256 of the trained weights and of what was reported of the epochs.
// Killable save FILE: saves two models in turn, for ever.
// Killable write KIND PATH: writes a file, and prints what was said where that was not possible.
switch (args)
{
    case ["train", string name]:
        Train(Trainings.Named(name));
        break;
    case ["train", string name, string folder]:
        Train(Trainings.Named(name) with { CheckpointPath = folder, CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero) });
        break;
    case ["save", string file]:
        Save(file);
        break;
    case ["write", string kind, string path]:
        Console.WriteLine(FileWriting.TryWrite(kind, path));
        break;
    default:
        throw new ArgumentException("train NAME [FOLDER], save FILE, or write KIND PATH");
}

static void Train(TrainingOptions options)
{
    ImageClassifier model = new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(90, seed: 1), SyntheticImages.Create(30, seed: 2));
    using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    foreach (Kfac.Memory.Parameter parameter in model.Parameters)
    {
        hash.AppendData(MemoryMarshal.AsBytes(parameter.Values));
    }

    foreach (EpochReport report in model.History)
    {
        hash.AppendData(MemoryMarshal.AsBytes<double>((double[])[report.TrainingLoss, report.TrainingAccuracy, report.ValidationLoss!.Value, report.LearningRate, report.CurvatureRecoveries]));
    }

    Console.WriteLine($"digest: {Convert.ToHexStringLower(hash.GetHashAndReset())}");
}

static void Save(string file)
{
    TrainingOptions options = Trainings.Named("sgd");
    ImageClassifier[] models = [.. new[] { 1, 2 }.Select(epochs => new ImageClassifierTrainer(options with { Epochs = epochs }).Fit(SyntheticImages.Create(90, seed: 1), SyntheticImages.Create(30, seed: 2)))];
    for (int i = 0; ; i++)
    {
        models[i % models.Length].Save(file, withOptimizerState: true);
    }
}
