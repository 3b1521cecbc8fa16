using System.Text.Json.Serialization;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Compression;

/// <summary>What <c>describe</c> tells of the training of a compressor. Nothing of the size of the model is allocated.</summary>
public sealed record CompressionDescription
{
    private const int Float32 = 4;

    /// <summary>The experiment's id.</summary>
    public required string Id { get; init; }

    /// <summary>Its title.</summary>
    public required string Title { get; init; }

    /// <summary>Null: there is no denoiser.</summary>
    public string? Architecture => null;

    /// <summary>The compressor's id.</summary>
    public required string Compressor { get; init; }

    /// <summary>Null: nothing is noised.</summary>
    public string? Strategy => null;

    /// <summary>The kinds that are compressed, joined by <c>+</c>; each image is a sample of one channel.</summary>
    public required string Target { get; init; }

    /// <summary>One volume, <c>[1, 1, D, H, W]</c>.</summary>
    public required long[] InputShape { get; init; }

    /// <summary>Its latent.</summary>
    public required long[] LatentShape { get; init; }

    /// <summary>What a training step sees of one volume.</summary>
    public required long[] CropShape { get; init; }

    /// <summary>Null: there is no denoiser.</summary>
    public int? ModelInputChannels => null;

    /// <summary>Null: there is no denoiser.</summary>
    public int? ModelOutputChannels => null;

    /// <summary>Null: there is no denoiser.</summary>
    public long? Tokens => null;

    /// <summary>Exact parameter counts.</summary>
    public required ParameterCounts Parameters { get; init; }

    /// <summary>Parameters of the discriminator, or 0 where no phase has one.</summary>
    public required long DiscriminatorParameters { get; init; }

    /// <summary>Estimated memory of training, discriminator included.</summary>
    public required MemoryEstimate Memory { get; init; }

    /// <summary>How it is trained.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>Its phases.</summary>
    public required IReadOnlyList<PhaseOptions> Phases { get; init; }

    /// <summary>Elements of a volume for each of its latent.</summary>
    [JsonIgnore]
    public double Factor => (double)InputShape.Aggregate(1L, (a, b) => a * b) / LatentShape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Describes a plan, and refuses it if a part cannot be built or an expectation does not hold.</summary>
    /// <exception cref="PlanException">
    /// A part refuses its options, a phase wants a head that there is not, or <c>expect</c> does not hold.
    /// </exception>
    public static CompressionDescription Of(CompressionPlan plan, PartContext context)
    {
        using var scope = torch.NewDisposeScope();
        var meta = context with { Device = new torch.Device(DeviceType.META) };
        using var compressor = plan.Compressor.Build(meta, (c, options, given) => c.Create(options, given));
        using var discriminator = plan.Weighs(LossNames.Adversarial)
            ? PatchDiscriminator.Create(plan.Compression.Discriminator, meta.Device)
            : null;
        var (count, judge) = (Count(compressor.parameters()), discriminator is null ? 0 : Count(discriminator.parameters()));
        if (plan.Expect.Parameters is { } expected && expected != count)
            throw new PlanException(
                $"the compressor has {count:N0} parameters, expected are {expected:N0}; "
                + "correct the compressor's options or the expectation",
                "parameters").In("expect");
        for (var i = 0; i < plan.Compression.Phases.Count; i++)
        {
            if (plan.Compression.Phases[i].Trains == TrainedPart.Head && Count(compressor.Head) == count)
                throw new PlanException(
                    $"the compressor `{plan.Compressor.Id}` names no head to be trained alone; use trains: all",
                    $"phases.{i}.trains").In("training");
        }

        MetricChecks.Refuse(plan.Metrics, plan.Compared, sets: false, masks: false, meta);
        return new CompressionDescription
        {
            Id = plan.Id,
            Title = plan.Title,
            Compressor = plan.Compressor.Id,
            Target = string.Join('+', plan.Target),
            InputShape = plan.Volume.Batch(1),
            LatentShape = plan.Latent.Batch(1),
            CropShape = plan.Seen.Batch(1),
            Parameters = new ParameterCounts(0, 0, count),
            DiscriminatorParameters = judge,
            Memory = new MemoryEstimate(
                ((plan.Training.Ema is null ? 1 : 2) * count + judge) * Float32, (count + judge) * Float32,
                2 * (count + judge) * Float32, null),
            Training = plan.Training,
            Phases = plan.Compression.Phases,
        };
    }

    private static long Count(IEnumerable<TorchSharp.Modules.Parameter> parameters) => parameters.Sum(p => p.numel());
}
