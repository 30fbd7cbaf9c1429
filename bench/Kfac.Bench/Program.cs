using System.CommandLine;
using Kfac.Bench.Kernels;
using Kfac.Bench.Results;
using Kfac.Bench.Training;

// One class per command; each gives itself to the root here.
RootCommand root = new("Measures the trainer and its kernels.")
{
    KernelsCommand.Create(),
    StepCommand.Create(),
    RanksCommand.Create(),
    TrainCommand.Create(),
    InferCommand.Create(),
    AuditCommand.Create(),
    EngineCommand.Create(),
    CancelCommand.Create(),
    TablesCommand.Create(),
};
root.Add(RecordCommand.Create(root));
return root.Parse(args).Invoke();
