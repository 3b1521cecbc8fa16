using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Reads runs of which anything may be missing or broken: what cannot be read is a problem, and the rest is told.</summary>
/// <param name="sources">Files whose formats this library does not know.</param>
internal sealed class RunReader(IRunSources sources)
{
    private readonly List<Problem> _problems = [];
    private string _path = "";

    /// <summary>What could not be read so far.</summary>
    public IReadOnlyList<Problem> Problems => _problems;

    /// <summary>A run, or null where even its experiment cannot be read.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="name">Its name in the report.</param>
    public ReportedRun? Read(string path, string name)
    {
        _path = path;
        if (Try(name, () => RunFolder.Open(path)) is not { } run || Try(name, () => sources.Experiment(run)) is not { } file)
            return null;
        Try(name, () => Sealed(run));
        var plan = Try(name, () => Whole(run.Plan, PlanFacts.Read(run, sources.PartName)))
            ?? UnrecordedPlan.Read(file, Try(name, () => Json(run.Description)) as JsonObject);
        var experiment = ExperimentFacts.Of(plan);
        var status = Try(name, run.ReadStanding);
        if (status is null && !run.IsAnimals && !File.Exists(run.Status))
            _problems.Add(new Problem(
                ProblemKind.Unreadable, name, "has no status.json: it was ended before its first step, or is not a whole copy"));
        var entries = Try(name, () => MetricsLog.Read(run.Metrics)) ?? [];
        var (epochs, locked) = (entries.Where(e => e.Kind == "epoch").ToArray(), run.IsLocked());
        // a run that has no line of any step was made by another program
        if (status is not null && entries.Any(e => e.Kind == "step") && MetricsLog.Gaps(entries, status.Step) is { } gaps)
            _problems.Add(new Problem(ProblemKind.Unreadable, name, $"metrics.jsonl has no whole line of {gaps}, so that history is lost"));
        var evaluation = experiment.IsCompressor
            ? null
            : Try(name, () => Whole(run.Evaluation, EvaluationFile<EvaluationResult>.Read(run)));
        return new ReportedRun(run, file)
        {
            Name = name,
            Experiment = experiment,
            Status = status,
            IsTraining = locked,
            State = RunWords.State(status, locked, run.IsAnimals),
            Epochs = epochs,
            TrainingLoss = epochs.LastOrDefault()?.Loss,
            SecondsPerEpoch = epochs.Length > 0 ? Median.Of(epochs.Select(e => e.Seconds)) : null,
            PeakMebibytes = epochs.Max(e => e.PeakMebibytes),
            DeviceMebibytes = epochs.Max(e => e.DeviceMebibytes),
            Rollbacks = [.. entries.Where(e => e.Kind == "rollback")],
            Remarks = [.. RunWords.Remarks(epochs, status, evaluation)],
            Evaluation = evaluation,
            Reconstructions = experiment.IsCompressor
                ? Try(name, () => Whole(run.Evaluation, EvaluationFile<ReconstructionResult>.Read(run)))
                : null,
            Chain = Try(name, () => sources.Chain(run.Path)),
            DamagedCheckpoints = Try(name, () => Damaged(run)) ?? [],
            Provenance = Try(
                name,
                () => Whole(run.Provenance, RunFile.ReadSealed<Provenance>(run.Provenance, "it says only what the run was made with"))),
            Picture = Try(name, () => FindPicture(run)),
            Sweeps =
            [
                .. new[]
                {
                    Try(name, () => SweepFacts.Solvers(run, name, experiment.Id)),
                    Try(name, () => SweepFacts.Steps(run, name, experiment.Id)),
                }.OfType<SweepFacts>(),
            ],
        };
    }

    private static object? Sealed(RunFolder run)
    {
        ExperimentSeal.Check(run);
        return null;
    }

    private T? Try<T>(string name, Func<T?> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is RunFolderException or IOException or UnauthorizedAccessException or JsonException)
        {
            // a reader elsewhere has no use for where the run lies here
            var sentence = e.Message.Replace(_path + Path.DirectorySeparatorChar, "", StringComparison.Ordinal)
                .Replace(_path, "the folder", StringComparison.Ordinal);
            _problems.Add(new Problem(ProblemKind.Unreadable, name, Format.Line(sentence)));
            return default;
        }
    }

    /// <summary>The value that was read of a file in whose lists nothing is null, which the types cannot say.</summary>
    private static T? Whole<T>(string path, T? value)
        where T : class =>
            value is null || !HasNullEntries(Json(path))
                ? value
                : throw new RunFolderException($"{path} cannot be read: a list in it has an empty entry");

    private static bool HasNullEntries(JsonNode? node) => node switch
    {
        JsonArray list => list.Any(item => item is null || HasNullEntries(item)),
        JsonObject map => map.Any(entry => HasNullEntries(entry.Value)),
        _ => false,
    };

    private static JsonNode? Json(string path)
    {
        try
        {
            return File.Exists(path) ? JsonNode.Parse(RegularFile.ReadText(path)) : null;
        }
        catch (JsonException e)
        {
            throw new RunFolderException($"{path} cannot be read ({JsonFault.Why(e)})");
        }
    }

    private static string[] Damaged(RunFolder run) =>
        Directory.Exists(run.Checkpoints)
            ? [.. Directory.EnumerateDirectories(run.Checkpoints, ".corrupt-*")
                .Select(folder => Path.GetFileName(folder)[".corrupt-".Length..]).Order(StringComparer.Ordinal)]
            : [];

    private static (string, string)? FindPicture(RunFolder run)
    {
        if (!Directory.Exists(run.Samples))
            return null;
        foreach (var folder in Directory.EnumerateDirectories(run.Samples).Order(StringComparer.Ordinal))
        {
            var (picture, record) = (Path.Combine(folder, SampleFolder.PictureName), Path.Combine(folder, SampleFolder.RecordName));
            if (Path.GetFileName(folder).StartsWith('.') || !File.Exists(picture))
                continue;
            var sample = Json(record);
            var checkpoint = sample.Text("checkpoint") is { } step ? $" of {step}" : "";
            if (sample.Text("volume") is { } volume)
                return (picture, $"{volume} above, its reconstruction{checkpoint} below");
            var made = $"{sample.Text("function_evaluations") ?? "?"} network evaluations by {sample.Text("sampler") ?? "?"}{checkpoint}";
            return (
                picture,
                sample.Text("condition") is { } patient
                    ? $"the real volume of {patient} above, one generated from its condition below ({made})"
                    : $"a generated volume ({made})");
        }

        return null;
    }
}
