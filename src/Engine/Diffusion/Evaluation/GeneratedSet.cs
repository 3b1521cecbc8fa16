using System.Text.Json;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>Volumes that one checkpoint generated, one at a time: those in a run's <c>samples</c>, or new ones.</summary>
public sealed class GeneratedSet
{
    private readonly Func<CancellationToken, IEnumerable<GeneratedItem>> _volumes;

    private GeneratedSet(
        string source,
        string sampler,
        SamplingOptions sampling,
        string? weaker,
        Func<CancellationToken, IEnumerable<GeneratedItem>> volumes) =>
        (Source, Sampler, Sampling, WeakerSha256, _volumes) = (source, sampler, sampling, weaker, volumes);

    /// <summary><c>samples</c> or <c>generate</c>.</summary>
    public string Source { get; }

    /// <summary>The sampler's id.</summary>
    public string Sampler { get; }

    /// <summary>Count, guidance and seed.</summary>
    public SamplingOptions Sampling { get; }

    /// <summary>SHA-256 of the weights of the weaker model that they were guided away from, or null.</summary>
    public string? WeakerSha256 { get; }

    /// <summary>The volumes in a run's <c>samples</c> that these weights made; null where there are none.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="sha256">SHA-256 of the file of weights.</param>
    public static GeneratedSet? Samples(RunFolder run, ExperimentPlan plan, string sha256)
    {
        var records = SampleFolder.Records<SampleRecord>(run).Where(record => record.WeightsSha256 == sha256)
            .Where(record => plan.Condition.Modalities is null
                || File.Exists(FileOf(Path.Combine(run.Samples, record.Name), plan.Target[0])))
            .ToArray();
        // samples of one set were made alike; what a later command with other values left beside them is not among them
        if (records.GroupBy(Made).MaxBy(group => group.Count())?.ToArray() is not { } alike)
            return null;
        return new GeneratedSet(
            "samples", alike[0].Sampler, alike[0].Sampling with { Count = alike.Length }, alike[0].WeakerSha256,
            _ => alike.Select(record => new GeneratedItem(
                Read(Path.Combine(run.Samples, record.Name), plan.Target), record.FunctionEvaluations, record.RequestedBins)
            {
                Mask = plan.Condition.Images.Contains(ImageKinds.Seg)
                    ? Read(Path.Combine(run.Samples, record.Name), [ImageKinds.Seg])
                    : null,
            }));
    }

    /// <summary>How a sample was made, without what differs from one volume to the next.</summary>
    private static string Made(SampleRecord record)
    {
        var alike = record with { Name = "", FunctionEvaluations = 0, Judgements = 0, Condition = null, AffineOf = null };
        return JsonSerializer.Serialize(alike with { RequestedBins = null, MeasuredBins = null }, AtomicFile.Json);
    }

    /// <summary>Volumes that a model generates when they are asked for.</summary>
    /// <param name="plan">The plan, with how to generate.</param>
    /// <param name="generation">How many, and by which sampler.</param>
    /// <param name="trained">The model.</param>
    /// <param name="conditions">What they are conditioned on.</param>
    /// <param name="progress">Called with the number of finished volumes and each step.</param>
    /// <param name="generated">Called with each volume before it is seen; it keeps nothing of the tensor.</param>
    /// <param name="law">Draws numbers of tumours by size, where the plan wants that.</param>
    /// <param name="warn">Is told where what a sampler had learned is damaged, and is learned anew.</param>
    public static GeneratedSet New(
        ExperimentPlan plan, GenerationPlan generation, TrainedModel trained, CohortDataset conditions,
        Action<int, SamplerStep>? progress = null, Action<GeneratedVolume>? generated = null,
        SizeBinLaw? law = null, Action<string>? warn = null)
    {
        var generating = plan with { Sampling = generation.Sampling, Sampler = generation.Sampler };
        return new(
            "generate", generation.Sampler.Id, generation.Sampling, trained.Weaker?.Sha256,
            cancellation => Generate(generating, trained, conditions, law, progress, generated, warn, cancellation));
    }

    /// <summary>
    /// Volumes that a model generates while it is trained, when they are asked for; its sampler neither learns before it samples nor judges
    /// samples.
    /// </summary>
    /// <param name="plan">The plan, with how to generate.</param>
    /// <param name="model">The model.</param>
    /// <param name="conditions">What they are conditioned on.</param>
    /// <param name="law">Draws numbers of tumours by size, where the plan wants that.</param>
    internal static GeneratedSet InTraining(ExperimentPlan plan, DiffusionModel model, CohortDataset conditions, SizeBinLaw? law) => new(
        "generate", plan.Sampler.Id, plan.Sampling, weaker: null,
        cancellation => Generate(plan, new VolumeGenerator(plan, model), conditions, law, progress: null, done: null, cancellation));

    /// <summary>The volumes. Each belongs to the dispose scope in which it was asked for.</summary>
    /// <exception cref="RunFolderException">A sample cannot be read.</exception>
    public IEnumerable<GeneratedItem> Volumes(CancellationToken cancellation) => _volumes(cancellation);

    private static IEnumerable<GeneratedItem> Generate(
        ExperimentPlan plan, TrainedModel trained, CohortDataset conditions, SizeBinLaw? law,
        Action<int, SamplerStep>? progress, Action<GeneratedVolume>? done, Action<string>? warn, CancellationToken cancellation)
    {
        Discriminator? discriminator = null;
        var generator = new VolumeGenerator(
            plan, trained.Model, () => discriminator ??= Discriminator.Load(plan, trained), trained.Weaker?.Model);
        try
        {
            new SamplerWarmUp(plan, trained, conditions, SingleProcess.Instance, warn).Apply(
                generator, step => progress?.Invoke(0, step), cancellation);
            foreach (var volume in Generate(plan, generator, conditions, law, progress, done, cancellation))
                yield return volume;
        }
        finally
        {
            discriminator?.Dispose();
        }
    }

    private static IEnumerable<GeneratedItem> Generate(
        ExperimentPlan plan, VolumeGenerator generator, CohortDataset conditions, SizeBinLaw? law,
        Action<int, SamplerStep>? progress, Action<GeneratedVolume>? done, CancellationToken cancellation)
    {
        var asked = new SampleConditions(plan, conditions, law);
        for (var i = 0; i < plan.Sampling.Count; i++)
        {
            using var condition = asked.Load(i);
            var volume = i;
            var generated = generator.Generate(i, condition, step => progress?.Invoke(volume, step), cancellation);
            done?.Invoke(generated);
            var real = Written(plan, generated.Volume.narrow(2, 0, plan.Data.OriginalDepth));
            yield return new GeneratedItem(real, generated.FunctionEvaluations, SampleConditions.RequestedOf(plan, condition))
            {
                Mask = plan.Condition.Images.Contains(ImageKinds.Seg)
                    ? condition.Images[ImageKinds.Seg].narrow(2, 0, plan.Data.OriginalDepth)
                    : null,
            };
        }
    }

    /// <summary>
    /// The volume as it would be written and read again: what is generated of a mask is thresholded first, by
    /// the rule that all verbs share.
    /// </summary>
    private static Tensor Written(ExperimentPlan plan, Tensor volume) => plan.Target.Any(ImageKinds.IsMask)
        ? cat(
            [
                .. plan.Target.Select((kind, channel) => volume.narrow(1, channel, 1) is var one && ImageKinds.IsMask(kind)
                    ? Masks.Binarise(one).to(volume.dtype)
                    : one),
            ],
            1)
        : volume;

    private static string FileOf(string folder, string kind) => Path.Combine(folder, $"{kind}.nii.gz");

    private static Tensor Read(string folder, IReadOnlyList<string> kinds)
    {
        try
        {
            return cat([.. kinds.Select(kind => NiftiFile.Read(FileOf(folder, kind)).ToTensor())], 0).unsqueeze(0);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new RunFolderException($"the sample {folder} cannot be read ({e.Message}); remove it, or make it anew with `sample`");
        }
    }
}

/// <summary>One of the volumes that a checkpoint generated.</summary>
/// <param name="Volume"><c>[1, C, D, H, W]</c> in [0, 1], without padding.</param>
/// <param name="FunctionEvaluations">How often the network was called for it.</param>
/// <param name="Requested">The numbers of tumours by size that it was asked for, or null.</param>
public sealed record GeneratedItem(Tensor Volume, int FunctionEvaluations, IReadOnlyList<int>? Requested)
{
    /// <summary>The mask that it was generated from, <c>[1, 1, D, H, W]</c>, or null where it was from none.</summary>
    public Tensor? Mask { get; init; }
}
