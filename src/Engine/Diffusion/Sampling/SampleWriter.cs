using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Pictures;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>Generates a plan's volumes and writes each as a folder of NIfTI files with a picture and a record of how it was made.</summary>
/// <param name="plan">The plan.</param>
/// <param name="trained">The model.</param>
/// <param name="conditions">Volumes whose images are the condition, and with whose targets the pictures compare.</param>
/// <param name="judge">Loads what judges samples, where the sampler asks for it; null where there is none. It is disposed.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
/// <param name="warn">Is told where samples that were there are replaced in part only.</param>
/// <param name="law">Draws numbers of tumours by size, where the plan wants that.</param>
public sealed class SampleWriter(
    ExperimentPlan plan,
    TrainedModel trained,
    CohortDataset conditions,
    Func<ISampleJudge>? judge = null,
    ICollective? collective = null,
    Action<string>? warn = null,
    SizeBinLaw? law = null)
{
    private readonly SampleConditions _conditions = new(plan, conditions, law);
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;
    private ISampleJudge? _judge;
    private string? _learned;

    /// <summary>How the plugins that are there differ from those that the run was trained with, where that is allowed.</summary>
    public IReadOnlyList<PluginChange> ChangedPlugins { get; init; } = [];

    /// <summary>Writes <c>FOLDER/00000/{kind}.nii.gz, montage.png, sample.json</c> and so on.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="progress">Called with the number of finished volumes and each step.</param>
    /// <param name="cancellation">Stops between steps; finished volumes stay.</param>
    /// <param name="numbers">Which numbers they take. A volume's number says which noise and which condition it is of.</param>
    /// <returns>All volumes, also those that other processes wrote.</returns>
    public IReadOnlyList<SampleRecord> Write(
        string folder,
        Action<int, SamplerStep>? progress = null,
        CancellationToken cancellation = default,
        SampleNumbers numbers = SampleNumbers.Replace)
    {
        using var samples = new SampleFolder(folder, numbers, plan.Sampling.Count, _collective, warn);
        var generator = new VolumeGenerator(plan, trained.Model, judge is null ? null : () => _judge ??= judge(), trained.Weaker?.Model);
        var written = new List<TimedRecord>();
        try
        {
            _learned = new SamplerWarmUp(plan, trained, conditions, _collective, warn).Apply(
                generator, step => progress?.Invoke(0, step), cancellation);
            _collective.Together(() =>
            {
                foreach (var i in _collective.Share(plan.Sampling.Count))
                {
                    using var scope = torch.NewDisposeScope();
                    var number = samples.First + i;
                    using var condition = _conditions.Load(number);
                    var generated = generator.Generate(number, condition, step => progress?.Invoke(i, step), cancellation);
                    generated.RequireFinite(SampleFolder.Name(number));
                    written.Add(new TimedRecord(WriteOne(samples, generated, condition, Place(number)), generated.Seconds));
                }
            });
            samples.EndReplacement();
        }
        finally
        {
            _judge?.Dispose();
            _judge = null;
        }

        return
        [
            .. _collective.Gather(written).SelectMany(each => each)
                .Select(one => one.Record with { Seconds = one.Seconds }).OrderBy(record => record.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Where a generated volume lies: where its condition does, or without one where the first volume of the split does.</summary>
    private Placed Place(int number)
    {
        var of = _conditions.PatientOf(number) is null ? 0 : number % conditions.Count;
        var kind = plan.Condition.Images.Count > 0 ? plan.Condition.Images[0] : conditions.Kinds[0];
        return new Placed(conditions.Grid(of, kind), $"{conditions.Patients[of]}/{kind}");
    }

    private SampleRecord WriteOne(SampleFolder samples, GeneratedVolume generated, Batch condition, Placed placed)
    {
        var record = new SampleRecord
        {
            Name = SampleFolder.Name(generated.Index),
            Experiment = plan.Id,
            ExperimentSha256 = trained.Checkpoint.Manifest.Experiment,
            Plugins = new SortedDictionary<string, string>(
                plan.Sources.DistinctBy(s => s.Plugin).ToDictionary(s => s.Plugin, s => s.Version), StringComparer.Ordinal),
            ChangedPlugins = ChangedPlugins.Count > 0 ? ChangedPlugins : null,
            Checkpoint = trained.Checkpoint.Name,
            CheckpointSha256 = trained.CheckpointSha256,
            Weights = trained.Weights,
            WeightsSha256 = trained.Sha256,
            Sampler = plan.Sampler.Id,
            SamplerOptions = JsonSerializer.SerializeToNode(plan.Sampler.Options, plan.Sampler.Options.GetType(), AtomicFile.Json)!,
            FunctionEvaluations = generated.FunctionEvaluations,
            Judgements = generated.Judgements,
            DiscriminatorSha256 = _judge?.Sha256,
            WarmUpSha256 = _learned,
            Guidance = plan.Sampling.Guidance,
            GuidanceRescale = plan.Sampling.GuidanceRescale,
            GuidanceInterval = plan.Sampling.GuidanceInterval,
            GuidanceLaw = plan.Sampling.GuidanceLaw,
            WeakerSha256 = trained.Weaker?.Sha256,
            TimeShift = plan.Sampling.TimeShift,
            Seed = plan.Sampling.Seed,
            Condition = _conditions.PatientOf(generated.Index),
            AffineOf = placed.Of,
            RequestedBins = SampleConditions.RequestedOf(plan, condition),
            MeasuredBins = MeasuredBins(generated),
        };
        var made = JsonSerializer.Serialize(record, AtomicFile.Json);
        samples.Write(generated.Index, target =>
        {
            for (var c = 0; c < plan.Target.Count; c++)
                WriteVolume(target, plan.Target[c], generated.Volume[0, c], placed.Grid, comment: made);
            foreach (var kind in plan.Condition.Images)
                WriteVolume(target, kind, condition.Images[kind][0, 0], placed.Grid, comment: null);
            AtomicFile.Write(
                Path.Combine(target, SampleFolder.PictureName),
                stream => Montage.Write(stream, Rows(generated, condition, placed.Grid), plan.Data.Spacing));
            AtomicFile.WriteJson(Path.Combine(target, SampleFolder.RecordName), record);
        });
        return record;
    }

    /// <summary>Numbers of tumours by size of a mask that was asked for some.</summary>
    private IReadOnlyList<int>? MeasuredBins(GeneratedVolume generated) =>
        plan.Condition.SizeBins is null || plan.MaskChannel is not { } channel
            ? null
            : MaskTumours.Of(generated.Volume[0, channel].narrow(0, 0, plan.Data.OriginalDepth), plan.Data.Spacing).Bins;

    private void WriteVolume(string folder, string kind, Tensor volume, VolumeGrid grid, string? comment)
    {
        var real = volume.narrow(0, 0, plan.Data.OriginalDepth);
        NiftiFile.Write(
            Path.Combine(folder, $"{kind}.nii.gz"),
            ImageKinds.IsMask(kind) ? Masks.Binarise(real) : real,
            grid.Spacing,
            grid.Affine,
            comment);
    }

    /// <summary>The real volume that belongs to the condition above the generated one.</summary>
    private List<MontageRow> Rows(GeneratedVolume generated, Batch condition, VolumeGrid grid)
    {
        var slices = plan.Data.OriginalDepth;
        var mask = condition.Images.TryGetValue(ImageKinds.Seg, out var seg) ? seg.narrow(2, 0, slices) : null;
        var kind = plan.Target[0];
        List<MontageRow> rows = [];
        if (condition.Images.TryGetValue(kind, out var image))
            rows.Add(new MontageRow(image.narrow(2, 0, slices), mask, grid));
        rows.Add(new MontageRow(
            generated.Volume[0, 0].narrow(0, 0, slices), plan.Condition.Images.Contains(ImageKinds.Seg) ? mask : null, grid));
        return rows;
    }

    /// <summary>A grid and the image that it is of.</summary>
    private sealed record Placed(VolumeGrid Grid, string Of);

    /// <summary>A record and what is not written of it, as one process tells it to the others.</summary>
    private sealed record TimedRecord(SampleRecord Record, double Seconds);
}

/// <summary>
/// How a sample was made: <c>sample.json</c>, and a comment in the header of each of its volumes. It holds no times and no paths, so that
/// the same command leaves the same bytes.
/// </summary>
public sealed record SampleRecord
{
    /// <summary>That of a sample; null where there is none.</summary>
    /// <param name="sample">The sample's folder.</param>
    /// <exception cref="RunFolderException">It cannot be read.</exception>
    public static SampleRecord? Read(string sample) =>
        RunFile.ReadJson<SampleRecord>(Path.Combine(sample, SampleFolder.RecordName), "make the sample anew");

    /// <summary>The sample's folder.</summary>
    public required string Name { get; init; }

    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>SHA-256 of the resolved experiment that was trained.</summary>
    public required string ExperimentSha256 { get; init; }

    /// <summary>Versions of the plugins whose parts took part, by id.</summary>
    public required IReadOnlyDictionary<string, string> Plugins { get; init; }

    /// <summary>Plugins that are not those that the run was trained with (<c>--allow-changed-plugin</c>); missing where all are.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<PluginChange>? ChangedPlugins { get; init; }

    /// <summary>The checkpoint.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>SHA-256 of the checkpoint's manifest, which holds those of all its files.</summary>
    public required string CheckpointSha256 { get; init; }

    /// <summary><c>ema</c> or <c>denoiser</c>.</summary>
    public required string Weights { get; init; }

    /// <summary>SHA-256 of the file of weights.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>The sampler's id.</summary>
    public required string Sampler { get; init; }

    /// <summary>The sampler's options, defaults included.</summary>
    public required JsonNode SamplerOptions { get; init; }

    /// <summary>How often the network was called (NFE), counted.</summary>
    public required int FunctionEvaluations { get; init; }

    /// <summary>How often the discriminator was called; each time costs the denoiser's way down.</summary>
    public int Judgements { get; init; }

    /// <summary>SHA-256 of the discriminator's weights, or null where none was asked.</summary>
    public string? DiscriminatorSha256 { get; init; }

    /// <summary>
    /// SHA-256 of what the sampler learned before it sampled, which lies in the run's folder <c>diffrs</c>;
    /// missing where it learns nothing.
    /// </summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public string? WarmUpSha256 { get; init; }

    /// <summary>Strength of guidance; 1 is none.</summary>
    public required double Guidance { get; init; }

    /// <summary>How far guided predictions were brought back to the spread of those that were not.</summary>
    public double GuidanceRescale { get; init; }

    /// <summary>The noise levels τ that were guided, or null where all were.</summary>
    public IReadOnlyList<double>? GuidanceInterval { get; init; }

    /// <summary>What guidance was beside that; missing where it was no more.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public GuidanceLaw? GuidanceLaw { get; init; }

    /// <summary>
    /// SHA-256 of the weights of the weaker model that it was guided away from; missing where it was guided without one, or not at all.
    /// </summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public string? WeakerSha256 { get; init; }

    /// <summary>r of the time shift; 1 is none.</summary>
    public double TimeShift { get; init; } = 1;

    /// <summary>Seed of the noise.</summary>
    public required long Seed { get; init; }

    /// <summary>The patient whose images were the condition, or null.</summary>
    public string? Condition { get; init; }

    /// <summary>
    /// The image whose affine the volumes have, <c>PATIENT/KIND</c>, on the grid that the network sees: the condition's, or without one
    /// that of the first volume of the split.
    /// </summary>
    public string? AffineOf { get; init; }

    /// <summary>Numbers of tumours by size that a mask was asked for; missing where it was asked for none.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? RequestedBins { get; init; }

    /// <summary>Those that it has.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? MeasuredBins { get; init; }

    /// <summary>How long it took; not written, so that the same command leaves the same bytes.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public double Seconds { get; init; }

    /// <summary>The keys of <c>sampling</c> that it says.</summary>
    internal SamplingOptions Sampling => new()
    {
        Guidance = Guidance,
        GuidanceRescale = GuidanceRescale,
        GuidanceInterval = GuidanceInterval,
        GuidanceEnd = GuidanceLaw?.End,
        GuidanceSchedule = GuidanceLaw?.Schedule,
        GuidanceZero = GuidanceLaw?.Zero ?? false,
        GuidanceZeroInit = GuidanceLaw is { Zero: true } law ? law.ZeroInit : null,
        TimeShift = TimeShift,
        Seed = Seed,
    };
}
