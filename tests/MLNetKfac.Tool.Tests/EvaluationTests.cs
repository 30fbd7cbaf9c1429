using MLNetKfac.Tool.Terminal;

namespace MLNetKfac.Tool.Tests;

/// <summary>How an evaluation looks on a page of 80 columns.</summary>
[TestClass]
public sealed class EvaluationTests
{
    [TestMethod]
    [DataRow(2, 40)]
    [DataRow(6, 3)]
    [DataRow(10, 12)]
    [DataRow(16, 30)]
    [DataRow(17, 8)]
    [DataRow(40, 25)]
    [DataRow(100, 60)]
    public void It_is_readable_at_80_columns(int classes, int longestName)
    {
        var random = new Random(classes);
        string[] names = [.. Enumerable.Range(0, classes).Select(number => $"{number}[x]{new string('n', random.Next(1, longestName))}")];
        int[][] counts = [.. Enumerable.Range(0, classes).Select(is_ => Enumerable.Range(0, classes).Select(taken => is_ == taken ? random.Next(2000) : random.Next(10) == 0 ? random.Next(30) : 0).ToArray())];

        string[] lines = Show(new Evaluation(names, counts, 0.25));

        Assert.IsTrue(Array.TrueForAll(lines, line => line.Length <= 80), string.Join(Environment.NewLine, lines));
        int all = counts.Sum(row => row.Sum()), right = counts.Select((row, number) => row[number]).Sum();
        Assert.AreEqual($"{all:N0} pictures: accuracy {100.0 * right / all:F1} %, log-loss 0.250", lines[1]);
        Assert.HasCount(classes + 4, lines);
        for (int number = 0; number < classes; number++)
        {
            Assert.Contains($"{number}[x]", lines[number + 4]);
            Assert.Contains($"{counts[number][number] * 100.0 / Math.Max(1, counts[number].Sum()):F0} %", lines[number + 4]);
        }
    }

    [TestMethod]
    public void Few_classes_get_a_matrix()
    {
        string[] lines = Show(new Evaluation(["cat", "dog"], [[7, 3], [0, 9]], 0.5));

        CollectionAssert.AreEqual((string[])["is       1  2   recall", " 1 cat   7  3     70 %", " 2 dog   ·  9    100 %"], lines[3..]);
    }

    [TestMethod]
    public void Many_classes_get_the_mistakes_in_words()
    {
        int[][] counts = [.. Enumerable.Range(0, 20).Select(number => Enumerable.Range(0, 20).Select(taken => number == taken ? 5 : 0).ToArray())];
        (counts[3][4], counts[3][7]) = (2, 4);

        string[] lines = Show(new Evaluation([.. Enumerable.Range(0, 20).Select(number => $"class{number}")], counts, 0.5));

        Assert.AreEqual("class3        11    45 %      100 %  class7 4, class4 2", lines[3 + 1 + 3]);
        Assert.AreEqual("class4         5   100 %       71 %", lines[3 + 1 + 4].TrimEnd());
    }

    private static string[] Show(Evaluation evaluation)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        using (var screen = new Screen(writer))
        {
            evaluation.Show(screen);
        }

        return writer.ToString().TrimEnd('\n').Split('\n');
    }
}
