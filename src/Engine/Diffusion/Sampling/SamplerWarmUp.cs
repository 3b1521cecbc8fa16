using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>
/// What a sampler learns before it samples, from samples of the first patients of a split: <c>RUN/diffrs/warm-up-KEY.json</c>. The key is
/// all that it follows from. It is learned once, so that all processes, and a command that goes on later, sample by the same numbers.
/// </summary>
/// <param name="plan">The plan, with the sampler.</param>
/// <param name="trained">The model.</param>
/// <param name="conditions">The volumes that are sampled after.</param>
/// <param name="collective">The processes that sample together.</param>
/// <param name="warn">Is told where what was kept is damaged, and is learned anew.</param>
internal sealed class SamplerWarmUp(
    ExperimentPlan plan, TrainedModel trained, CohortDataset conditions, ICollective collective, Action<string>? warn)
{
    /// <summary>Gives a generator what its sampler learned, now or before; nothing where it learns nothing.</summary>
    /// <param name="generator">The generator.</param>
    /// <param name="progress">Called after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>SHA-256 of what was learned, or null.</returns>
    public string? Apply(VolumeGenerator generator, Action<SamplerStep>? progress, CancellationToken cancellation)
    {
        if (generator.WarmUpSamples == 0)
            return null;
        if (plan.Sampling is { GuidesByModel: true, StrongestGuidance: > 1 } or { EmaLength: not null })
            throw new PlanException(
                $"{plan.Sampler.Id} was taught by samples of the run's own weights, guided without a classifier or not at all; "
                + "use another sampler with guidance_from, guidance_checkpoint or ema_length",
                "use").In("sampling");
        double[] learned = [];
        collective.ByFirst(() => learned = FindOrLearn(generator, progress, cancellation));
        generator.Learned = collective.Gather(learned)[0];
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(generator.Learned)));
    }

    private double[] FindOrLearn(VolumeGenerator generator, Action<SamplerStep>? progress, CancellationToken cancellation)
    {
        var patients = Enumerable.Range(0, generator.WarmUpSamples).Select(i => i % conditions.Count).ToArray();
        var key = Key(generator, patients);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key.ToJsonString())));
        var file = Path.Combine(trained.Run.Discriminator, $"warm-up-{hash[..12]}.json");
        if (Read(file) is { } kept
            && JsonNode.DeepEquals(kept.Key, key)
            && (kept.DiscriminatorSha256 is null || kept.DiscriminatorSha256 == generator.JudgeSha256))
            return kept.Learned;
        var learned = generator.Learn([.. patients.Select((patient, i) =>
        {
            using var condition = conditions.Load(patient);
            return generator.Observe(i, condition, progress, cancellation);
        })]);
        Keep(
            file,
            new WarmUpFile
            {
                Key = key,
                DiscriminatorSha256 = generator.ObservedByJudge ? generator.JudgeSha256 : null,
                Learned = learned,
            });
        return learned;
    }

    private void Keep(string file, WarmUpFile learned)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            SealedJson.Write(DiskFiles.Instance, file, learned);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException(
                $"what {plan.Sampler.Id} learned before it samples cannot be kept as {file} ({e.Message}), "
                + "and other samples of the run would be drawn by other numbers; make the run's folder writable, or use another sampler");
        }
    }

    /// <summary>What was learned before; null where nothing was, or its file is damaged: then it is learned anew.</summary>
    private WarmUpFile? Read(string file)
    {
        try
        {
            return File.Exists(file) ? SealedJson.Read<WarmUpFile>(RegularFile.ReadText(file)) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            warn?.Invoke($"{file} is damaged ({JsonFault.Why(e)}); what {plan.Sampler.Id} learns before it samples is learned anew");
            return null;
        }
    }

    private JsonObject Key(VolumeGenerator generator, int[] patients)
    {
        var key = new JsonObject
        {
            ["checkpoint_sha256"] = trained.CheckpointSha256,
            ["sampler"] = plan.Sampler.Id,
            ["plugin"] = plan.Sampler.Source.Version,
            ["options"] = JsonSerializer.SerializeToNode(plan.Sampler.Options, plan.Sampler.Options.GetType(), AtomicFile.Json),
            ["guidance"] = plan.Sampling.Guidance,
            ["guidance_rescale"] = plan.Sampling.GuidanceRescale,
            ["guidance_interval"] = JsonSerializer.SerializeToNode(plan.Sampling.GuidanceInterval, AtomicFile.Json),
            ["time_shift"] = plan.Sampling.TimeShift,
            ["seed"] = generator.WarmUpSeed,
            ["split"] = plan.Sampling.Split,
            ["conditions"] = new JsonArray([.. patients.Distinct().Select(patient => (JsonNode)Hash(patient))]),
        };
        if (plan.Condition.Modalities is not null)
            key["modality"] = plan.Target[0];
        if (plan.Sampling.GuidanceLaw is { } law)
            key["guidance_law"] = JsonSerializer.SerializeToNode(law, AtomicFile.Json);
        return key;
    }

    /// <summary>A patient's name and the hash of what samples are conditioned on.</summary>
    private string Hash(int patient)
    {
        using var sample = conditions.Load(patient);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var kind in plan.Condition.Images)
            hash.AppendData(Bytes(sample.Images[kind]));
        if (sample.SizeBins is { } bins && plan.Condition.SizeBins is not null)
            hash.AppendData(Bytes(bins));
        return $"{sample.Patients[0]} {Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    private static byte[] Bytes(TorchSharp.torch.Tensor tensor) => [.. tensor.contiguous().bytes];

    /// <summary>The file.</summary>
    private sealed record WarmUpFile
    {
        /// <summary>What it follows from.</summary>
        public required JsonObject Key { get; init; }

        /// <summary>The discriminator that was asked; null where the sampler asks none.</summary>
        public string? DiscriminatorSha256 { get; init; }

        /// <summary>What the sampler learned.</summary>
        public required double[] Learned { get; init; }
    }
}
