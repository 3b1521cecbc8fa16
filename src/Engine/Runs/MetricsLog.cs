using System.Text;
using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>Appends to <c>metrics.jsonl</c>, one JSON object a line.</summary>
public sealed class MetricsLog : IDisposable
{
    private static readonly JsonSerializerOptions OneLine = new(AtomicFile.Json) { WriteIndented = false };
    private readonly AppendedFile _file;

    private MetricsLog(string path, Action<string> warn) => _file = AppendedFile.Open(path, warn);

    /// <summary>
    /// Opens the log of a run that continues after <paramref name="step"/>; later lines, of steps that were lost, are dropped.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="warn">Is told what cannot be written; it is tried again with each line that follows.</param>
    public static MetricsLog Continue(string path, long step, Action<string> warn)
    {
        if (File.Exists(path))
        {
            var kept = Read(path).Where(entry => entry.Step <= step).Select(Line);
            AtomicFile.WriteText(path, string.Concat(kept.Select(line => line + "\n")));
        }

        return new MetricsLog(path, warn);
    }

    /// <summary>Adds a line and hands it to the operating system.</summary>
    public void Add(MetricsEntry entry) => _file.Append(Encoding.UTF8.GetBytes(Line(entry) + "\n"));

    /// <summary>The log's entries, none where there is no log; lines that were cut off or damaged are left out.</summary>
    /// <exception cref="RunFolderException">The log is no file.</exception>
    public static IReadOnlyList<MetricsEntry> Read(string path)
    {
        var entries = new List<MetricsEntry>();
        RunFile.Require(path);
        if (!File.Exists(path))
            return entries;
        using var text = new StreamReader(RegularFile.OpenRead(path));
        while (text.ReadLine() is { } line)
        {
            try
            {
                if (JsonSerializer.Deserialize<MetricsEntry>(line, OneLine) is { } entry)
                    entries.Add(entry);
            }
            catch (JsonException)
            {
                // the process was killed while it wrote this line, or something cut the file
            }
        }

        return entries;
    }

    /// <summary>What is said where a log has no line of some of the steps that its run has trained.</summary>
    /// <param name="path">The file.</param>
    /// <param name="gaps">What <see cref="Gaps"/> says of it.</param>
    /// <returns>A sentence without its full stop.</returns>
    internal static string Lost(string path, string gaps) =>
        $"{path} has no whole line of {gaps}, so the history of what was trained there is lost; "
        + "the run goes on, and its curves and reports lack it";

    /// <summary>The steps that a run has trained and its log has no line of, in words, or null where it has all.</summary>
    /// <param name="entries">The log's entries.</param>
    /// <param name="step">Steps done.</param>
    internal static string? Gaps(IReadOnlyList<MetricsEntry> entries, long step)
    {
        const int most = 5;
        var gaps = new List<string>();
        var next = 1L;
        var there = entries.Where(entry => entry.Kind == "step" && entry.Step <= step).Select(entry => entry.Step).Distinct().Order();
        foreach (var one in there.Append(step + 1))
        {
            if (one > next)
                gaps.Add(one - 1 == next ? $"step {next}" : $"steps {next} to {one - 1}");
            next = one + 1;
        }

        return gaps.Count == 0 ? null : $"{string.Join(", ", gaps.Take(most))}{(gaps.Count > most ? " …" : "")}";
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static string Line(MetricsEntry entry) => JsonSerializer.Serialize(entry, OneLine);
}

/// <summary>One line of <c>metrics.jsonl</c>.</summary>
public sealed record MetricsEntry
{
    /// <summary><c>step</c>, <c>epoch</c>, or <c>rollback</c> where training went back to a checkpoint.</summary>
    public required string Kind { get; init; }

    /// <summary>Steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Epochs done.</summary>
    public required int Epoch { get; init; }

    /// <summary>Training loss: of the step, or the mean over the epoch.</summary>
    public required double Loss { get; init; }

    /// <summary>Learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Norm of the gradient before clipping: of the step, or the mean over the epoch.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Validation loss, on epochs that were validated.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>What else was measured, by name; on epochs by the validation, and of what the model generates.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Measures { get; init; }

    /// <summary>Seconds that the step or epoch took.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds that it took to generate volumes and to measure them, on epochs after which that was done.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public double? GenerationSeconds { get; init; }

    /// <summary>Seconds for which the writing of checkpoints held training up, on epochs: since the line of the epoch before.</summary>
    public double? CheckpointSeconds { get; init; }

    /// <summary>Resident memory of the process in MiB, on epochs.</summary>
    public double? ResidentMebibytes { get; init; }

    /// <summary>The most that was resident since the process began, in MiB, on epochs.</summary>
    public double? PeakMebibytes { get; init; }

    /// <summary>Memory of the GPU that is taken, by this process and others, in MiB, on epochs; null without a GPU.</summary>
    public double? DeviceMebibytes { get; init; }
}
