using System.CommandLine;
using MLNetKfac.Tests.Data;
using MLNetKfac.Tool.Commands;

namespace MLNetKfac.Tool.Tests;

/// <summary>What is said of a wrong command line, before anything is done.</summary>
[TestClass]
public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    [DataRow("--epochs must be a whole number, at least 1, but is 'three'", "--epochs", "three")]
    [DataRow("--epochs must be a whole number, at least 1, but is '1e3'", "--epochs", "1e3")]
    [DataRow("--epochs must be a whole number, at least 1 and at most 2147483647, but is '99999999999'", "--epochs", "99999999999")]
    [DataRow("--size must be a whole number of pixels, 1 to 8192, but is '64x64'", "--size", "64x64")]
    [DataRow("--size must be a whole number of pixels, 1 to 8192, but is '100000'", "--size", "100000")]
    [DataRow("--threads must be a whole number, 0 or more, but is 'x'", "--threads", "x")]
    [DataRow("--threads must be a whole number, 0 or more, but is '-1'", "--threads", "-1")]
    [DataRow("--seed must be a whole number from -2147483648 to 2147483647, but is 'x'", "--seed", "x")]
    [DataRow("--validation must be a number from 0 to below 1 with a decimal point, such as 0.2, but is '20%'", "--validation", "20%")]
    [DataRow("--validation must be a number from 0 to below 1 with a decimal point, such as 0.2, but is '0,2'", "--validation", "0,2")]
    [DataRow("--validation must be a number from 0 to below 1 with a decimal point, such as 0.2, but is '1'", "--validation", "1")]
    [DataRow("--freeze must be a number of layers, 0 or more, or 'all', but is 'some'", "--freeze", "some", "--from", "kfac.dll")]
    [DataRow("--checkpoint-every must be seconds, minutes, hours or epochs, such as 90s, 2m, 1h or 3e, but is 'soon'", "--checkpoint-every", "soon", "--checkpoint", "c")]
    [DataRow("--seed must be a whole number from -2147483648 to 2147483647, but is '99999999999'", "--seed", "99999999999")]
    [DataRow("--log must not be empty", "--log", "")]
    [DataRow("--checkpoint must not be empty", "--checkpoint", "")]
    [DataRow("--augmentation: 'shift' is given twice", "--augmentation", "shift 0.1, shift 0.2")]
    [DataRow("--optimizer: Argument 'newton' not recognized. Must be one of: 'kfac' 'muon' 'adam' 'sgd'", "--optimizer", "newton")]
    public void A_wrong_value_is_one_line_that_says_what_was_expected(string expected, params string[] options) =>
        AssertRefused([$"kfac: {expected}", "kfac train --help says what can be given"], ["train", _folder.File(""), "--model", "m.zip", .. options]);

    [TestMethod]
    public void Every_option_that_takes_a_value_says_that_it_is_missing_or_empty()
    {
        foreach (Command command in (Command[])[TrainCommand.Create(), EvaluateCommand.Create(), ClassifyCommand.Create(), ExportCommand.Create(), AuditCommand.Create(), InspectCommand.Create()])
        {
            foreach (Option option in command.Options.Where(option => option.ValueType != typeof(bool)))
            {
                // An empty list of changes is none.
                foreach (string[] words in option.Name == "--augmentation" ? (string[][])[[option.Name]] : [[option.Name], [option.Name, ""]])
                {
                    string[] errors = [.. command.Parse(words).Errors.Select(error => error.Message)];
                    Assert.IsTrue(Array.Exists(errors, error => error.Contains(option.Name) || error.StartsWith("Argument ''", StringComparison.Ordinal)), $"kfac {command.Name} {option.Name}: {string.Join(' ', errors)}");
                }
            }
        }
    }

    [TestMethod]
    public void A_wrong_name_gets_a_suggestion()
    {
        AssertRefused(
            ["kfac: Unrecognized command or argument '--epoch'.", "kfac: Unrecognized command or argument '3'.", "did you mean --epochs?", "kfac train --help says what can be given"],
            "train", _folder.File(""), "--model", "m.zip", "--epoch", "3");
        AssertRefused(["kfac: Required command was not provided.", "kfac: Unrecognized command or argument 'trian'.", "did you mean train?", "kfac --help says what can be given"], "trian");
    }

    [TestMethod]
    [DataRow("--model and --report", "--model", "m", "--report", "./m")]
    [DataRow("--model and --log", "--model", "m", "--log", "m")]
    [DataRow("--log and --report", "--model", "m", "--log", "r", "--report", "r")]
    [DataRow("--model and --checkpoint", "--model", "m", "--checkpoint", "m/")]
    [DataRow("--from and --report", "--model", "m", "--from", "kfac.dll", "--report", "kfac.dll")]
    public void One_file_is_not_written_twice(string pair, params string[] options) =>
        AssertRefused([$"kfac: {pair} must be different files, but are both '{Path.GetFullPath(options[^1].Trim('/', '.'))}'", "kfac train --help says what can be given"], ["train", _folder.File(""), .. options]);

    [TestMethod]
    public void A_model_is_not_exported_over_itself()
    {
        File.WriteAllText(_folder.File("m.zip"), "");

        AssertRefused([$"kfac: MODEL and FILE must be different files, but are both '{_folder.File("m.zip")}'", "kfac export --help says what can be given"], "export", _folder.File("m.zip"), _folder.File("m.zip"));
    }

    private static void AssertRefused(string[] expected, params string[] line)
    {
        ToolProcess.Outcome outcome = ToolProcess.Run(line);
        Assert.AreEqual(2, outcome.Code, outcome.ToString());
        CollectionAssert.AreEqual(expected, outcome.Errors, outcome.ToString());
        CollectionAssert.AreEqual((string[])[""], outcome.Output);
    }
}
