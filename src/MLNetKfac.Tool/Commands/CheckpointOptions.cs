using System.Text.Json;
using Kfac;

namespace MLNetKfac.Tool.Commands;

/// <summary>
/// What a training with checkpoints was asked for, in a file beside them. The trainer compares its own options; this file
/// lets the command name the word that differs, before a picture is read in vain.
/// </summary>
/// <param name="folder">Folder of the checkpoints.</param>
internal sealed class CheckpointOptions(string folder)
{
    private const string FileName = "command.json", Checkpoints = "checkpoint-*.kfac";

    private const string WhatToDo = "repeat its command on the same pictures to go on with it, or give another --checkpoint folder to train anew";

    /// <summary>Whether a training can go on from one.</summary>
    public bool HasCheckpoints => Directory.Exists(folder) && Directory.EnumerateFiles(folder, Checkpoints).Any();

    /// <summary>Requires the words that the checkpoints, if there are any, were begun with.</summary>
    /// <param name="options">Values by option, such as <c>--epochs</c>.</param>
    /// <exception cref="ArgumentException">A word differs; the message names all that do and what to do.</exception>
    public void RequireSame(IReadOnlyDictionary<string, string> options)
    {
        if (!HasCheckpoints)
        {
            return;
        }

        Dictionary<string, string> begun = Read(Path.Combine(folder, FileName));
        string[] different = [.. options.Where(option => begun.TryGetValue(option.Key, out string? value) && value != option.Value).Select(option => $"{option.Key} {begun[option.Key]}, now {option.Value}")];
        if (different.Length > 0)
        {
            throw new ArgumentException($"the training in '{folder}' was begun with {string.Join("; ", different)}: {WhatToDo}");
        }
    }

    /// <summary>Notes the words; only the training that has the folder to itself may.</summary>
    public void Note(IReadOnlyDictionary<string, string> options) =>
        AtomicFile.Write(Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, options));

    /// <summary>The trainer's refusal of a checkpoint, in words of the command line.</summary>
    /// <param name="refusal">An exception that the checkpoint option is the parameter of.</param>
    public ArgumentException Explain(ArgumentException refusal)
    {
        return new ArgumentException($"the pictures in DIR, or how they are trained on, are not what the training in '{folder}' was begun with: {WhatToDo}. In the trainer's words: {ExitCode.MessageOf(refusal)}", refusal);
    }

    /// <summary>Nothing where the file is missing or damaged: the trainer compares too.</summary>
    private static Dictionary<string, string> Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<Dictionary<string, string>>(stream) ?? [];
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException)
        {
            return [];
        }
    }
}
