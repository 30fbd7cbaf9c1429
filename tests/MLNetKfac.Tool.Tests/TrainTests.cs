using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kfac.Models;
using Microsoft.ML;
using MLNetKfac.Tests.Data;
using MLNetKfac.Tool.Commands;

namespace MLNetKfac.Tool.Tests;

/// <summary><c>kfac train</c> and what can be done with its model.</summary>
[TestClass]
public sealed class TrainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void A_damaged_model_is_refused_in_a_line_that_names_it()
    {
        string model = _folder.File("m.zip");
        Assert.AreEqual(0, ToolProcess.Run("train", Stripes.Write(_folder.File("p"), 12), "--model", model, "--epochs", "1").Code);
        byte[] bytes = File.ReadAllBytes(model);
        foreach (byte[] damaged in (byte[][])[[], FlipBit(bytes.Length / 3), FlipBit(bytes.Length / 2)])
        {
            File.WriteAllBytes(_folder.File("damaged.zip"), damaged);

            ToolProcess.Outcome inspect = ToolProcess.Run("inspect", _folder.File("damaged.zip"));

            Assert.AreEqual(1, inspect.Code, inspect.ToString());
            Assert.ContainsSingle(inspect.Errors, inspect.ToString());
            Assert.Contains("damaged.zip' is ", inspect.Errors[0]);
        }

        byte[] FlipBit(int place) => [.. bytes[..place], (byte)(bytes[place] ^ 4), .. bytes[(place + 1)..]];
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_pipe_among_the_pictures_and_a_name_with_commands_to_the_terminal()
    {
        string pictures = Stripes.Write(_folder.File("p"), 12), odd = Path.Combine(pictures, "a\u001b[31m\nb");
        Directory.Move(Path.Combine(pictures, Stripes.Classes[0]), odd);
        Process.Start("mkfifo", [Path.Combine(pictures, Stripes.Classes[1], "pipe.png")]).WaitForExit();

        ToolProcess.Outcome train = ToolProcess.Run("train", pictures, "--model", _folder.File("m.zip"), "--epochs", "1");

        Assert.AreEqual(0, train.Code, train.ToString());
        Assert.ContainsSingle(train.Output.Where(line => line.Contains("1 unreadable picture: ") && line.Contains("pipe.png")), train.ToString());
        Assert.ContainsSingle(train.Output.Where(line => line.StartsWith("2 classes (a\ufffd[31m b, ", StringComparison.Ordinal)), train.ToString());
        Assert.IsFalse(Array.Exists(train.Output, line => line.Contains('\u001b')));
    }

    [TestMethod]
    public void A_folder_becomes_a_model_that_every_command_takes()
    {
        string pictures = Stripes.Write(_folder.File("bilder ü"), 30), model = _folder.File("modell.zip");
        File.WriteAllText(Path.Combine(pictures, Stripes.Classes[0], "broken.png"), "no picture");

        ToolProcess.Outcome train = ToolProcess.Run("train", pictures, "--model", model, "--epochs", "4", "--log", _folder.File("log.jsonl"), "--digest");

        Assert.AreEqual(0, train.Code, train.ToString());
        Assert.ContainsSingle(train.Output.Where(line => line.Contains("1 unreadable picture: ") && line.Contains("broken.png")), train.ToString());
        Assert.Contains("2 classes (liegend ─, stehend │), 48 pictures to train on, 12 held back", train.Output);
        Assert.HasCount(4, train.Output.Where(line => Regex.IsMatch(line, "^ +[1-4]/4 ")).ToArray());
        Assert.MatchesRegex(new Regex("^digest: [0-9a-f]{64}$"), train.Output[^1]);
        Assert.IsFalse(Array.Exists(train.Output, line => line.Contains('\u001b') || line.Contains('\r')), "no escape sequences in redirected output");
        Assert.HasCount(4, File.ReadAllLines(_folder.File("log.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("trainingLoss").GetDouble()).ToArray());
        Assert.IsGreaterThan(Saved(train), Array.FindIndex(train.Output, line => line.Contains("held-back pictures: accuracy")), "saved before it is evaluated");

        JsonElement evaluation = Json(ToolProcess.Run("evaluate", model, pictures, "--json"));
        Assert.AreEqual(60, evaluation.GetProperty("pictures").GetInt32());
        Assert.IsGreaterThan(0.9, evaluation.GetProperty("accuracy").GetDouble());

        string first = Directory.GetFiles(Path.Combine(pictures, Stripes.Classes[1])).Order(StringComparer.Ordinal).First();
        JsonElement classified = Json(ToolProcess.Run("classify", model, first, "--json"))[0];
        Assert.AreEqual(first, classified.GetProperty("path").GetString());
        Assert.AreEqual(Stripes.Classes[1], classified.GetProperty("label").GetString());
        Assert.AreEqual(15, Json(ToolProcess.Run("classify", model, Path.Combine(pictures, Stripes.Classes[1], "*.png"), "--json")).GetArrayLength(), "a pattern that no shell has expanded");
        ToolProcess.Outcome partly = ToolProcess.Run("classify", model, first, _folder.File("none.png"));
        Assert.AreEqual(1, partly.Code);
        Assert.ContainsSingle(partly.Errors.Where(line => line.StartsWith("kfac: ", StringComparison.Ordinal) && line.Contains("none.png")), partly.ToString());

        ToolProcess.Outcome export = ToolProcess.Run("export", model, _folder.File("modell.onnx"));
        Assert.AreEqual(0, export.Code, export.ToString());
        Assert.IsGreaterThan(1000, new FileInfo(_folder.File("modell.onnx")).Length);

        ToolProcess.Outcome inspect = ToolProcess.Run("inspect", model);
        Assert.AreEqual(0, inspect.Code, inspect.ToString());
        Assert.AreEqual(train.Output[^1], inspect.Output[^1]);

        ToolProcess.Outcome audit = ToolProcess.Run("audit", model, pictures, "--pictures", "4", "--threads", "2");
        Assert.AreEqual(0, audit.Code, audit.ToString());
        Assert.ContainsSingle(audit.Output.Where(line => line.StartsWith("conv2d_1 ", StringComparison.Ordinal)), audit.ToString());
        Assert.ContainsSingle(audit.Output.Where(line => line.StartsWith("measured on 4 pictures, ", StringComparison.Ordinal)), audit.ToString());
    }

    [TestMethod]
    public void A_model_is_gone_on_from_with_other_classes_and_frozen_layers()
    {
        string pictures = Stripes.Write(_folder.File("p"), 20), first = _folder.File("first.zip"), tuned = _folder.File("tuned.zip");
        Assert.AreEqual(0, ToolProcess.Run("train", pictures, "--model", first, "--epochs", "3").Code);
        Directory.Move(Path.Combine(pictures, Stripes.Classes[0]), Path.Combine(pictures, "lying"));
        Stripes.Write(_folder.File("more"), 20, seed: 3);
        Directory.Move(Path.Combine(_folder.File("more"), Stripes.Classes[0]), Path.Combine(pictures, "third"));

        ToolProcess.Outcome outcome = ToolProcess.Run("train", pictures, "--model", tuned, "--from", first, "--freeze", "all", "--epochs", "2");

        Assert.AreEqual(0, outcome.Code, outcome.ToString());
        Assert.ContainsSingle(outcome.Output.Where(line => line.Contains("begins anew")), outcome.ToString());
        Assert.ContainsSingle(outcome.Output.Where(line => line.Contains("it may know some of the held-back pictures")), outcome.ToString());
        KfacImageClassificationModelParameters before = Load(first), after = Load(tuned);
        Assert.AreEqual((2, 3), (before.ClassCount, after.ClassCount));
        CollectionAssert.AreEqual(before.Parameters[0].Values.ToArray(), after.Parameters[0].Values.ToArray());

        ToolProcess.Outcome more = ToolProcess.Run("train", pictures, "--model", _folder.File("more.zip"), "--from", tuned, "--epochs", "1");
        Assert.ContainsSingle(more.Output.Where(line => line.Contains("as it was after epoch 3, the best so far")), more.ToString());

        Refused("--freeze needs --from", "--freeze", "1");
        Refused("--size and --from do not go together", "--from", first, "--size", "9");
        Refused("--freeze must be a number of layers, 0 or more, or 'all', but is 'some'", "--from", first, "--freeze", "some");
        Refused("but the network has", "--from", first, "--freeze", "40");

        static KfacImageClassificationModelParameters Load(string path) => KfacImageClassificationTransformer.FindIn(new MLContext().Model.Load(path, out _)).Model;

        void Refused(string part, params string[] options)
        {
            ToolProcess.Outcome refused = ToolProcess.Run(["train", pictures, "--model", tuned, .. options]);
            Assert.AreNotEqual(0, refused.Code);
            Assert.ContainsSingle(refused.Errors.Where(line => line.Contains(part)), refused.ToString());
        }
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_digest_on_any_number_of_threads()
    {
        string pictures = Stripes.Write(_folder.File("p"), 12);

        string[] digests = [.. ((string[][])[["--threads", "1"], ["--threads", "3"], ["--seed", "2"]]).Select(options =>
            ToolProcess.Run(["train", pictures, "--model", _folder.File("m.zip"), "--epochs", "1", "--digest", .. options]).Output[^1])];

        Assert.AreEqual(digests[0], digests[1]);
        Assert.AreNotEqual(digests[0], digests[2]);
    }

    [TestMethod]
    public void Train_and_test_folders_are_known()
    {
        Stripes.Write(_folder.File("p/train"), 20);
        Stripes.Write(_folder.File("p/test"), 5, seed: 2);

        ToolProcess.Outcome train = ToolProcess.Run("train", _folder.File("p"), "--model", _folder.File("m.zip"), "--epochs", "1", "--size", "10", "--optimizer", "muon", "--report", _folder.File("new/report.html"));

        Assert.AreEqual(0, train.Code, train.ToString());
        Assert.Contains("2 classes (liegend ─, stehend │), 36 pictures to train on, 4 held back, 10 for the test", train.Output);
        Assert.ContainsSingle(train.Output.Where(line => line.StartsWith("10 test pictures: accuracy", StringComparison.Ordinal)));
        Assert.AreEqual(10, Json(ToolProcess.Run("evaluate", _folder.File("m.zip"), _folder.File("p"), "--json")).GetProperty("pictures").GetInt32());
        Assert.Contains($"report: {_folder.File("new/report.html")}", train.Output);
        string report = File.ReadAllText(_folder.File("new/report.html"));
        Assert.Contains("<h1>Training on p</h1>", report);
        Assert.Contains("10 test pictures of 2 classes", report);
        Assert.Contains("<dt>--optimizer</dt><dd>muon</dd>", report);
    }

    [TestMethod]
    public void IDX_files_are_known()
    {
        Stripes.WriteIdx(_folder.File("p"), "train", 100, seed: 1);
        Stripes.WriteIdx(_folder.File("p"), "t10k", 20, seed: 2);

        JsonElement result = Json(ToolProcess.Run("train", _folder.File("p"), "--model", _folder.File("m.zip"), "--epochs", "2", "--json", "--digest"));

        Assert.AreEqual(20, result.GetProperty("evaluation").GetProperty("pictures").GetInt32());
        Assert.AreEqual(64, result.GetProperty("digest").GetString()!.Length);
        Assert.AreEqual((1, 0L), (result.GetProperty("ranks").GetInt32(), result.GetProperty("bytesSentPerStep").GetInt64()));
        JsonElement inspected = Json(ToolProcess.Run("inspect", _folder.File("m.zip"), "--json"));
        Assert.AreEqual("12x12x1", inspected.GetProperty("input").GetString());
        Assert.AreEqual(result.GetProperty("digest").GetString(), inspected.GetProperty("digest").GetString());
    }

    [TestMethod]
    public void IDX_test_images_of_another_kind_are_found_before_the_training()
    {
        Stripes.WriteIdx(_folder.File("sizes"), "train", 20, seed: 1);
        Stripes.WriteIdx(_folder.File("sizes"), "t10k", 20, seed: 2);
        Stripes.WriteIdx(_folder.File("classes"), "train", 20, seed: 1);
        Stripes.WriteIdx(_folder.File("classes"), "t10k", 20, seed: 2);
        string images = _folder.File("sizes/t10k-images-idx3-ubyte"), labels = _folder.File("classes/t10k-labels-idx1-ubyte");
        byte[] reshaped = File.ReadAllBytes(images), relabelled = File.ReadAllBytes(labels);
        (reshaped[11], reshaped[15]) = (6, 24);
        relabelled[^1] = 2;
        File.WriteAllBytes(images, reshaped);
        File.WriteAllBytes(labels, relabelled);

        AssertFails("must be like those of train, 12 x 12 with 1 channel, but are 24 x 6 with 1", "train", _folder.File("sizes"), "--model", _folder.File("m.zip"));
        AssertFails("does not know the class '2'", "train", _folder.File("classes"), "--model", _folder.File("m.zip"));
        Assert.IsFalse(File.Exists(_folder.File("m.zip")));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_log_that_cannot_be_written_is_said_once_and_ends_nothing()
    {
        List<string> warnings = [];
        EpochReport epoch = new(1, 2, 1, 0.5, null, null, 1, 1, 1, 0);
        using (TrainingJournal journal = new("/dev/full", goesOn: false))
        {
            journal.Write(epoch, warnings.Add);
            journal.Write(epoch, warnings.Add);
        }

        Assert.StartsWith("--log /dev/full has no more lines from here on: ", warnings.Single());
    }

    [TestMethod]
    public void What_cannot_be_trained_on_is_said_before_the_training()
    {
        Directory.CreateDirectory(_folder.File("empty"));
        AssertFails("is empty", "train", _folder.File("empty"), "--model", _folder.File("m.zip"));

        Stripes.Write(_folder.File("single"), 1);
        AssertFails("--report needs pictures", "train", Stripes.Write(_folder.File("few"), 3), "--model", _folder.File("m.zip"), "--validation", "0", "--report", _folder.File("r.html"));
        AssertFails("at least two readable pictures of each class", "train", _folder.File("single"), "--model", _folder.File("m.zip"));

        Stripes.Write(_folder.File("one"), 4);
        Directory.Delete(_folder.File($"one/{Stripes.Classes[1]}"), recursive: true);
        AssertFails("two classes", "train", _folder.File("one"), "--model", _folder.File("m.zip"));
        Assert.IsFalse(File.Exists(_folder.File("m.zip")));

        File.WriteAllText(_folder.File("text.zip"), "this is no model");
        AssertFails($"--model: '{_folder.File("text.zip")}' is a file, but must be a folder", "train", _folder.File("few"), "--model", _folder.File("text.zip/m.zip"));
        AssertFails($"--checkpoint: '{_folder.File("text.zip")}' is a file, but must be a folder", "train", _folder.File("few"), "--model", _folder.File("m.zip"), "--checkpoint", _folder.File("text.zip"));
        AssertFails("text.zip", "evaluate", _folder.File("text.zip"), _folder.File("one"));
    }

    [TestMethod]
    public void Wrong_command_lines_have_a_code_of_their_own()
    {
        string pictures = Stripes.Write(_folder.File("p"), 2);
        foreach (string[] line in (string[][])
            [
                ["train", pictures], ["train", pictures, "--model", "m.zip", "--epochs", "0"], ["train", pictures, "--model", "m.zip", "--validation", "1"],
                ["train", _folder.File("none"), "--model", "m.zip"], ["train", pictures, "--model", "m.zip", "--optimizer", "newton"], ["dance"], [],
            ])
        {
            ToolProcess.Outcome outcome = ToolProcess.Run(line);
            Assert.AreEqual(2, outcome.Code, $"{string.Join(' ', line)}: {outcome}");
        }

        ToolProcess.Outcome help = ToolProcess.Run("--help");
        Assert.AreEqual(0, help.Code);
        Assert.ContainsSingle(help.Output.Where(line => line.Contains("130") && line.Contains("interrupted")));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [DataRow(Sigint)]
    [DataRow(Sigterm)]
    [DataRow(Sighup)]
    public void Ctrl_C_keeps_the_best_model_so_far_and_says_so(int signal)
    {
        string pictures = Stripes.Write(_folder.File("p"), 20), model = _folder.File("m.zip");
        using Process process = ToolProcess.StartHearingInterrupts("train", pictures, "--model", model, "--epochs", "100000");
        List<string> lines = [];
        do
        {
            lines.Add(process.StandardOutput.ReadLine() ?? throw new AssertFailedException(process.StandardError.ReadToEnd()));
        }
        while (!lines[^1].Contains("2/100000", StringComparison.Ordinal));

        Assert.AreEqual(0, kill(process.Id, signal));
        ToolProcess.Outcome outcome = ToolProcess.Wait(process);

        Assert.AreEqual(3, outcome.Code, outcome.ToString());
        Assert.ContainsSingle(outcome.Output.Where(line => line.StartsWith("saved: ", StringComparison.Ordinal) && line.Contains("the best so far")), outcome.ToString());
        Assert.Contains("interrupted: not evaluated", outcome.Output);
        Assert.AreEqual(0, ToolProcess.Run("evaluate", model, pictures).Code);
        Assert.HasCount(1, Directory.GetFiles(_folder.File(""), "m.zip*"));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_closed_terminal_keeps_the_best_model_so_far()
    {
        string pictures = Stripes.Write(_folder.File("p"), 20), model = _folder.File("m.zip");
        using Process terminal = ToolProcess.StartOnTerminal("train", pictures, "--model", model, "--epochs", "100000");
        while (!(terminal.StandardOutput.ReadLine() ?? throw new AssertFailedException(terminal.StandardError.ReadToEnd())).Contains(" 2/100000", StringComparison.Ordinal))
        {
        }

        terminal.Kill();

        Assert.IsTrue(SpinWait.SpinUntil(() => File.Exists(model), TimeSpan.FromMinutes(2)), "the model is saved");
        Assert.AreEqual(0, ToolProcess.Run("evaluate", model, pictures).Code);
    }

    private const int Sighup = 1, Sigint = 2, Sigterm = 15;

    [DllImport("libc")]
    private static extern int kill(int process, int signal);

    private static int Saved(ToolProcess.Outcome outcome) => Array.FindIndex(outcome.Output, line => line.StartsWith("saved: ", StringComparison.Ordinal));

    private static JsonElement Json(ToolProcess.Outcome outcome)
    {
        Assert.AreEqual(0, outcome.Code, outcome.ToString());
        return JsonDocument.Parse(string.Join('\n', outcome.Output)).RootElement;
    }

    private static void AssertFails(string words, params string[] line)
    {
        ToolProcess.Outcome outcome = ToolProcess.Run(line);
        Assert.AreEqual(1, outcome.Code, outcome.ToString());
        Assert.ContainsSingle(outcome.Errors.Where(error => error.StartsWith("kfac: ", StringComparison.Ordinal) && error.Contains(words, StringComparison.Ordinal)), outcome.ToString());
    }
}
