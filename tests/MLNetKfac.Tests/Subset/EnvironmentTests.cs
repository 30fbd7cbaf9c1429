using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class EnvironmentTests
{
    [TestMethod]
    public void ASeededContextGivesItsComponentsTheSameNumbersAgain()
    {
        static int[] Numbers(int? seed)
        {
            IHostEnvironment context = new MLContext(seed);
            IHost first = context.Register("first");
            IHost second = context.Register("second");
            return [first.Rand.Next(), second.Rand.Next(), first.Register("inner").Rand.Next()];
        }

        CollectionAssert.AreEqual(Numbers(3), Numbers(3));
        CollectionAssert.AreNotEqual(Numbers(3), Numbers(4));
        CollectionAssert.AllItemsAreUnique(Numbers(3));
    }

    [TestMethod]
    public void MessagesOfAComponentReachTheLogOfTheContext()
    {
        var context = new MLContext();
        var messages = new List<LoggingEventArgs>();
        context.Log += (_, message) => messages.Add(message);

        using (IChannel channel = ((IHostEnvironment)context).Register("Trainer").Start("Training"))
        {
            channel.Info(MessageSensitivity.None, "epoch {0} of {1}", 1, 2);
            channel.Warning(MessageSensitivity.None, "careful");
        }

        LoggingEventArgs info = messages.Single(message => message.Kind == ChannelMessageKind.Info);
        Assert.AreEqual("epoch 1 of 2", info.RawMessage);
        StringAssert.Contains(info.Source, "Trainer");
        StringAssert.Contains(info.Message, "Kind=Info");
        Assert.AreEqual("careful", messages.Single(message => message.Kind == ChannelMessageKind.Warning).RawMessage);
    }

    [TestMethod]
    public void AProgressChannelTakesReports()
    {
        IHostEnvironment context = new MLContext();

        using IProgressChannel progress = context.StartProgressChannel("Training");
        progress.SetHeader(new ProgressHeader(["loss"], ["epochs"]), entry => entry.SetProgress(0, 1));
        progress.Checkpoint(0.5, 1);

        CollectionAssert.AreEqual(new[] { "loss" }, new ProgressHeader(["loss"], ["epochs"]).MetricNames.ToArray());
    }

    [TestMethod]
    public void APreviewShowsTheFirstRows()
    {
        var context = new MLContext();

        DataDebuggerPreview preview = context.Data.LoadFromEnumerable(FlowerRow.Some).Preview(maxRows: 2);

        Assert.HasCount(2, preview.RowView);
        Assert.AreEqual("2 columns, 2 rows", preview.ToString());
        Assert.AreEqual("Species", preview.RowView[1].Values[0].Key);
        Assert.AreEqual("iris", preview.ColumnView[0].Values[1].ToString());
    }
}
