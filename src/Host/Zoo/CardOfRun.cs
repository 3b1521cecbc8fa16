using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Zoo;

/// <summary>What an animal's card says of the run that it is made of.</summary>
/// <param name="experiment">The run's experiment.</param>
/// <param name="run">The run.</param>
/// <param name="facts">What a person says of it.</param>
internal sealed class CardOfRun(Experiment experiment, RunFolder run, CardFacts facts)
{
    /// <summary>What it was trained on, in a person's words or those of how the data were made; null where nobody says it.</summary>
    public string? Data => facts.Data ?? Synthesized();

    /// <summary>The network.</summary>
    /// <param name="component">The component that was trained.</param>
    /// <param name="used">The one whose weights ship.</param>
    /// <param name="dtype">As what they are kept.</param>
    public CardNetwork Network(string component, string used, string dtype) => new()
    {
        Component = component,
        Part = experiment.Plan switch
        {
            ExperimentPlan plan => plan.Architecture.Id,
            CompressionPlan plan => plan.Compressor.Id,
            var other => throw new ArgumentException($"{other.GetType()} has no network"),
        },
        Parameters = experiment switch
        {
            DiffusionExperiment { Description.Parameters: var counts } =>
                counts.Denoiser + counts.Conditioning + counts.Compressor + (counts.Controlnet ?? 0),
            CompressionExperiment { Description.Parameters: var counts } => counts.Compressor,
            var other => throw new ArgumentException($"{other.GetType()} has no network"),
        },
        Weights = used,
        Dtype = dtype,
    };

    /// <summary>The volumes that it takes and makes.</summary>
    public CardVolumes Volumes()
    {
        var (plan, data) = (experiment.Plan, experiment.Plan.Data);
        return new CardVolumes
        {
            Target = plan.Target,
            Condition = plan is not ExperimentPlan { Condition: var condition }
                ? []
                : [.. condition.Images, .. condition.SizeBins is null ? [] : (string[])[CardVolumes.SizeBins]],
            Shape = [data.Depth, data.Height, data.Width],
            Spacing = [data.Spacing.Depth, data.Spacing.Height, data.Spacing.Width],
            Range = [0, 1],
            Preprocessing = string.Create(
                CultureInfo.InvariantCulture,
                $"{(data.SliceStep > 1 ? $"every {data.SliceStep}th slice, " : "")}means "
                + $"of blocks of pixels down to {data.Height}×{data.Width}, "
                + $"up to {data.OriginalDepth} slices padded to {data.Depth} ({OptionsShape.KeyOf(data.PadMode.ToString())}); "
                + $"intensities {IntensitiesOf(data.Normalization)} become 0 to 1, masks 0 or 1"),
        };
    }

    private static string IntensitiesOf(Normalization normalization) => normalization switch
    {
        Normalization.PerVolume => "of each volume from its smallest to its largest",
        Normalization.Cohort => "within the span that cohort.json names for their kind",
        _ => "from 0 to the clip_max of their kind",
    };

    /// <summary>How it was trained.</summary>
    public CardTraining Training(Checkpoint checkpoint, Provenance provenance)
    {
        var position = checkpoint.Manifest.Position;
        return new CardTraining
        {
            Experiment = experiment.Plan.Id,
            ExperimentSha256 = checkpoint.Manifest.Experiment,
            Data = Data!,
            Splits = provenance.Data.Where(split => split.Value.Patients > 0)
                .ToDictionary(split => split.Key, split => new CardData { Patients = split.Value.Patients, Sha256 = split.Value.Sha256 }),
            Steps = position.Step,
            Epochs = position.Epoch,
            Seconds = Math.Round(position.TrainingSeconds, 1),
            Seed = experiment.Plan.Training.Seed,
            Machine = facts.Machine ?? provenance.System,
            Date = run.ReadStatus() is { } status
                ? status.Updated.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
                : throw new RunFolderException($"{run.Path} has no status.json, which says when it was trained; export a run that has"),
            Start = new FrozenParts(run).List().FirstOrDefault(part => part.Name == FrozenParts.Start) is { } start
                ? $"weights of {Path.GetFileName(Path.TrimEndingDirectorySeparator(start.Run))} ({start.Sha256[..12]})"
                : "fresh weights",
        };
    }

    private string? Synthesized() => experiment.Plan.Data.Synthesize is not { } made ? null : string.Create(
        CultureInfo.InvariantCulture,
        $"Heads that were made of the one that ships (samples/colin27) by `data synthesize`: deformed by {made.Deformation} mm, "
        + $"{made.MinLesions} to {made.MaxLesions} painted metastases in each, seed {made.Seed}; "
        + $"{made.Train} to train on, {made.Val} to validate, {made.Test} to test.");
}
