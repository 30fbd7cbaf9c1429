using System.CommandLine;
using System.CommandLine.Invocation;
using MLNetKfac.Tool;
using MLNetKfac.Tool.Commands;

RootCommand root = new(
    $"""
    From a folder of pictures to an ML.NET image classifier, trained by K-FAC.

    Exit codes:
      {ExitCode.Done}    done
      {ExitCode.Failed}    something is wrong with the pictures, the model or a file; the error output says what
      {ExitCode.Usage}    the command line cannot be understood
      {ExitCode.Interrupted}    the training was interrupted; the model so far is saved
      {ExitCode.Killed}  interrupted before there was anything to save
    """)
{
    TrainCommand.Create(), EvaluateCommand.Create(), ClassifyCommand.Create(), ExportCommand.Create(), AuditCommand.Create(), InspectCommand.Create(),
};
ParseResult command = root.Parse(args);
return command.Action is ParseErrorAction ? UsageError.Show(command) : command.Invoke();
