using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Compression;

/// <summary>
/// An experiment that trains a compressor. Each image of each patient is a sample of one channel, whatever its kind. Build it with
/// <see cref="Compose"/>, which refuses what cannot work before anything is allocated.
/// </summary>
public sealed record CompressionPlan : Plan
{
    /// <summary>What is trained.</summary>
    public required PlannedPart<ICompressor> Compressor { get; init; }

    /// <summary>How it is trained, beside <see cref="Plan.Training"/>.</summary>
    public required CompressionOptions Compression { get; init; }

    /// <summary>Which reconstructions are written.</summary>
    public ReconstructionOptions Sampling { get; init; } = new();

    /// <summary>How it is judged.</summary>
    public ReconstructionEvaluationOptions Evaluation { get; init; } = new();

    /// <summary>One image; set by <see cref="Compose"/>.</summary>
    public VolumeShape Volume { get; init; }

    /// <summary>Its latent; set by <see cref="Compose"/>.</summary>
    public VolumeShape Latent { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<PartSource> Sources => [Compressor.Source, .. Metrics.Select(m => m.Source)];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => PerceptualNetwork is { } network ? [network, .. base.Files] : base.Files;

    /// <summary>The file of the network of the loss <c>perceptual</c>, or null where no phase weighs it.</summary>
    public string? PerceptualNetwork => Weighs(LossNames.Perceptual) ? Training.Perceptual?.Network : null;

    /// <inheritdoc/>
    public override VolumeShape Compared => Volume with { Depth = Data.OriginalDepth };

    /// <summary>Whether masks are compressed: reconstructions are logits then.</summary>
    public bool IsOfMasks => Target.Any(ImageKinds.IsMask);

    /// <summary>Whether a phase weighs the loss.</summary>
    internal bool Weighs(string loss) => Compression.Phases.Any(phase => phase.Weight(loss) > 0);

    /// <summary>What a step sees of a volume: the crop, or all of it.</summary>
    public VolumeShape Seen => Compression.Crop is [var depth, var height, var width] ? new VolumeShape(1, depth, height, width)
        : Compression.Slices is { } slices ? Volume with { Depth = slices }
        : Volume;

    /// <summary>What cuts blocks out of the volumes to train on, or null.</summary>
    public RandomCrop? Crop =>
        Compression is { Crop: null, Slices: null } ? null : new RandomCrop(Seen, Training.Seed, Scattered: Compression.Slices is not null);

    /// <summary>Why no weights are there to start from.</summary>
    public const string NoStart = "`from` starts denoisers; a compressor's training starts with fresh weights: remove it";

    /// <summary>Derives the shapes and the number of epochs, and refuses what cannot work.</summary>
    /// <exception cref="PlanException">The parts do not go together.</exception>
    public static CompressionPlan Compose(CompressionPlan draft)
    {
        draft.ValidateTarget();
        draft.ValidateData();
        draft.Evaluation.Validate();
        if (draft.IsOfMasks && draft.Target.FirstOrDefault(kind => !ImageKinds.IsMask(kind)) is { } image)
            throw new PlanException(
                $"{draft.Target.First(ImageKinds.IsMask)} is a mask, {image} an image: they have different losses; "
                + "train a compressor for each").In("target");
        RefuseDenoisersOptions(draft.Training);
        if (!draft.Compressor.Part.IsLearned)
            throw new PlanException(
                $"the compressor `{draft.Compressor.Id}` has nothing to train; name a learned one, such as vqvae, "
                + "or add architecture and strategy to train a denoiser",
                "use").In("compressor");

        var volume = new VolumeShape(1, draft.Data.Depth, draft.Data.Height, draft.Data.Width);
        var plan = draft with
        {
            Volume = volume,
            Latent = draft.Compressor.LatentShape(volume),
            Training = draft.Training with { Epochs = draft.Compression.Phases.Sum(phase => phase.Epochs) },
        };
        PhaseRules.Validate(plan);
        plan.ValidateSlices();
        plan.ValidateCrop();
        plan.ValidateMixing();
        return plan;
    }

    /// <summary>Refuses what only training needs, and a description does not: the file of the perceptual network.</summary>
    /// <exception cref="PlanException">A phase weighs a loss whose network is not named or not there.</exception>
    public void ValidateNetwork()
    {
        var phase = Compression.Phases.ToList().FindIndex(phase => phase.Weight(LossNames.Perceptual) > 0);
        if (phase < 0)
            return;
        if (PerceptualNetwork is not { Length: > 0 } network)
            throw new PlanException(
                $"phase {phase + 1} weighs the loss `perceptual`, but training.perceptual.network names no TorchScript file; "
                + "set it, or take perceptual out of the losses",
                $"phases.{phase}.losses.{LossNames.Perceptual}").In("training");
        PerceptualLoss.Require(network);
    }

    /// <summary>What a compressor's training would leave aside without a word.</summary>
    private static void RefuseDenoisersOptions(TrainingOptions training)
    {
        (string Key, string Sentence)? refused = training switch
        {
            { Plateau: not null } or { Schedule: LearningRateSchedule.Plateau } => (
                training.Plateau is null ? "schedule" : "plateau",
                "a compressor's learning rate runs over its phases, and plateaus of validation do not; "
                + "use cosine or constant, and remove plateau"),
            { GradientAccumulation: > 1 } => (
                "gradient_accumulation",
                "compressors are trained on whole batches, as codebook and discriminator are updated by them; "
                + "remove it, or train on smaller crops"),
            { GradientCheckpointing: true } => (
                "gradient_checkpointing",
                "compressors are trained without gradient checkpointing, as a codebook must not be updated twice; "
                + "remove it, or train on smaller crops"),
            { From: not null } => ("from", NoStart),
            { Lora: not null } => ("lora", "`lora` changes a denoiser, and a compressor is trained as a whole; remove it"),
            { Freeze: not null } => ("freeze", "`freeze` is of a denoiser's parameters, and a compressor is trained as a whole; remove it"),
            { RegionWeights: not null } => (
                "region_weights",
                "`region_weights` weigh a denoiser's errors, and a compressor's losses are those of its phases; remove it"),
            { AugmentedDiffusion: true } => (
                "augmented_diffusion", "`augmented_diffusion` is how a denoiser is trained, and this trains a compressor; remove it"),
            _ => null,
        };
        if (refused is { } found)
            throw new PlanException(found.Sentence, found.Key).In("training");
    }

    /// <summary>Slices that lie nowhere near each other are for what sees each by itself.</summary>
    private void ValidateSlices()
    {
        if (Compression.Slices is not { } slices)
            return;
        if (Compression.Crop is not null)
            throw new PlanException(
                $"slices {slices} are drawn at random, and crop cuts neighbours; remove one of the two", "slices").In("training");
        if (Weighs(LossNames.Adversarial))
            throw new PlanException(
                $"slices {slices} are drawn at random, and the loss `adversarial` is of a discriminator that judges neighbours; "
                + "use crop, or take adversarial out of the losses",
                "slices").In("training");
        if (!SeesEachSlice(slices))
            throw new PlanException(
                $"slices {slices} are drawn at random, and `{Compressor.Id}` with these options compresses neighbours together; "
                + "use crop, or a compressor of slices",
                "slices").In("training");
    }

    private bool SeesEachSlice(int slices)
    {
        try
        {
            return Compressor.Call((c, options) => (
                c.LatentShape(options, Volume with { Depth = 1 }).Depth,
                c.LatentShape(options, Volume with { Depth = slices }).Depth)) == (1, slices);
        }
        catch (PlanException)
        {
            return false;
        }
    }

    private void ValidateMixing()
    {
        if (Compression.Mixing is not { } mixing)
            return;
        if (!IsOfMasks)
            throw new PlanException("mixing puts masks together, and images have no tumours to paste; remove it", "mixing").In("training");
        if (mixing.Total is not (> 0 and <= 1))
            throw new PlanException(
                FormattableString.Invariant($"the shares of mixing add up to {mixing.Total}; ")
                + "they are of masks that are mixed in one way each, so give them a sum above 0 and up to 1",
                "mixing").In("training");
        if ((Compression.Slices ?? Training.BatchSize) < 2)
            throw new PlanException(
                "mixing takes other masks of the step, and there are none; set slices, or a batch_size of 2 or more",
                "mixing").In("training");
    }

    private void ValidateCrop()
    {
        if (Compression.Crop is { } crop)
        {
            int[] sizes = [Volume.Depth, Volume.Height, Volume.Width];
            if (crop.Count != 3 || crop.Any(size => size < 1))
                throw new PlanException(
                    $"crop [{string.Join(", ", crop)}] is not [D, H, W]; give three sizes of at least 1", "crop").In("training");
            if (crop.Zip(sizes).Any(pair => pair.First > pair.Second))
                throw new PlanException(
                    $"crop [{string.Join(", ", crop)}] is larger than the volume [{string.Join(", ", sizes)}]; use a smaller one",
                    "crop").In("training");
            try
            {
                Compressor.Call((c, options) => c.LatentShape(options, Seen));
            }
            catch (PlanException e)
            {
                throw new PlanException($"crop [{string.Join(", ", crop)}] cannot be compressed: {e.Message}", "crop").In("training");
            }
        }

        var smallest = PatchDiscriminator.SmallestSize(Compression.Discriminator);
        if (Weighs(LossNames.Adversarial) && new[] { Seen.Depth, Seen.Height, Seen.Width }.Min() < smallest)
            throw new PlanException(
                $"the discriminator of {Compression.Discriminator.Layers} layers sees blocks of {Seen.Depth}×{Seen.Height}×{Seen.Width} "
                + $"and needs {smallest} voxels along each axis; use larger ones, or fewer discriminator.layers",
                Compression.Crop is null ? "discriminator" : "crop").In("training");
    }
}
