using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>What does not go together in a plan, found before anything is built.</summary>
internal static class PlanChecks
{
    /// <summary>Refuses a learning rate that follows a validation of which there is none.</summary>
    public static void RefusePlateauWithoutValidation(TrainingOptions training, bool validates)
    {
        if (training.Schedule == LearningRateSchedule.Plateau && !validates)
            throw new PlanException(
                "schedule plateau follows the validation loss, and the cohort has no patients in val; "
                + "put some there, or use cosine or constant",
                "schedule").In("training");
    }

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="PlanException">The message says which, and what to do.</exception>
    public static void Refuse(ExperimentPlan plan)
    {
        if (plan.Condition is { Control: not null, Images.Count: 0 })
            throw new PlanException(
                "control has no image to steer by; name one in condition.images, such as seg", "control").In("condition");
        if (plan.Condition.Control is { Channels.Count: > 1 and var widths })
            throw new PlanException(
                $"control.channels has {widths} widths, which would halve the image {widths - 1} times, "
                + "but it lies on the latent's grid already; give one width",
                "control").In("condition");
        if (plan.Condition is { Control: not null, SizeBins: not null })
            throw new PlanException(
                "size_bins would change the denoiser that control keeps frozen; remove one of the two", "size_bins").In("condition");
        var training = plan.Training;
        if (training is { Plateau: not null, Schedule: not LearningRateSchedule.Plateau })
            throw new PlanException(
                $"plateau says how the learning rate falls on plateaus, and schedule is {training.Schedule.ToString().ToLowerInvariant()}; "
                + "use schedule: plateau or remove it",
                "plateau").In("training");
        if (training.EmaLengths is { } lengths
            && (lengths.Count is 0 or > 4
                || lengths.Any(length => length is not (>= 0.005 and <= 0.28))
                || lengths.Distinct().Count() < lengths.Count))
            throw new PlanException(
                "ema_lengths "
                + $"[{string.Join(", ", lengths.Select(length => length.ToString(System.Globalization.CultureInfo.InvariantCulture)))}] "
                + "are lengths of averages as shares of the training: give one to four, each once, from 0.005 to 0.28, such as [0.05, 0.1]",
                "ema_lengths").In("training");
        if (training.From is not null && plan.Condition.Control is not null)
            throw new PlanException(
                "from would start a denoiser that control keeps frozen; "
                + "a ControlNet starts from the denoiser of control.from; remove one of the two",
                "from").In("training");
        var ofNothing = training switch
        {
            { From: not null } => null,
            { FromOptimizer: true } => "from_optimizer",
            { FromWeights: not StartingWeights.Average } => "from_weights",
            { FromTensors: StartingTensors.Matching } => "from_tensors",
            { FromCheckpoint: not "best" } => "from_checkpoint",
            _ => null,
        };
        if (ofNothing is not null)
            throw new PlanException(
                $"{ofNothing} says what is taken of the run that from names, and from names none; set from, or remove {ofNothing}",
                ofNothing).In("training");
        if (training is { FromTensors: StartingTensors.Matching, FromOptimizer: true }
            or { FromTensors: StartingTensors.Matching, FromWeights: StartingWeights.Both })
            throw new PlanException(
                $"{(training.FromOptimizer ? "from_optimizer: true" : "from_weights: both")} goes on with the whole network of another "
                + "run, and from_tensors: matching takes what fits of it; remove one of the two",
                "from_tensors").In("training");
        if (training is { FromWeights: StartingWeights.Both, Ema: null })
            throw new PlanException(
                "from_weights: both goes on with a moving average, and training.ema asks for none; set ema, or from_weights: raw",
                "from_weights").In("training");
        if (training.Freeze is not null && plan.Condition.Control is not null)
            throw new PlanException(
                "freeze is of the denoiser's parameters, all of which control keeps as they are; remove it", "freeze").In("training");
        RefusePerceptual(plan);
        RefuseAdapter(plan);
        if (plan.ConditionCompressor is not null && plan.Condition.Images.Count == 0)
            throw new PlanException(
                "compressor has no image to compress; name one in condition.images or remove it", "compressor").In("condition");
        if (plan.Condition.SizeBins is { Through: SizeBinRoute.Maps } bins && bins != new SizeBinOptions { Through = SizeBinRoute.Maps })
            throw new PlanException(
                "embedding, hidden and layers belong to through: film; with maps the counts themselves are channels",
                "size_bins").In("condition");
        RefuseOthersThanMasks(plan.Compressor, plan.ConditionCompressor is null ? plan.Target.Concat(plan.Condition.Images) : plan.Target);
        if (plan.ConditionCompressor is not null)
            RefuseOthersThanMasks(plan.ConditionCompressor, plan.Condition.Images);
        RefuseWeightSource("compressor", plan.Latent, plan.Compressor.Part.IsLearned);
        RefuseWeightSource("condition", plan.ConditionLatent, plan.ConditionCompressor is { Part.IsLearned: true });
        RefuseWeightSource("condition", plan.Condition.Control ?? new ControlNetOptions(), plan.Condition.Control is not null);
        foreach (var (first, second, conflict) in Conflicts(plan).Where(c => c.Conflict.IsRefused))
            throw new PlanException($"{first.Id} and {second.Id} do not go together: {conflict.Reason}").In(first.Section);
    }

    private static void RefuseOthersThanMasks(PlannedPart<ICompressor> compressor, IEnumerable<string> kinds)
    {
        if (compressor.Run(() => compressor.Part.TakesOnlyMasks) && kinds.FirstOrDefault(kind => !ImageKinds.IsMask(kind)) is { } other)
            throw new PlanException(
                $"`{compressor.Id}` makes a mask of whatever it is given, and {other} is none; use another compressor, such as "
                + "space_to_depth").In(compressor.Section);
    }

    private static void RefusePerceptual(ExperimentPlan plan)
    {
        var network = plan.Training.Perceptual?.Network;
        if (plan.Training.Loss != DenoiserLoss.LpipsHuber)
        {
            if (plan.Training.Perceptual is not null)
                throw new PlanException("perceptual is the network of the loss lpips_huber; set loss: lpips_huber, or "
                    + "remove perceptual", "perceptual").In("training");
            return;
        }

        var fault = network is not { Length: > 0 } ? "the loss lpips_huber compares features, and training.perceptual.network names "
            + "no file of a network; set it, or use huber"
            : plan.Compressor.Part.IsLearned ? $"the loss lpips_huber compares volumes, and `{plan.Compressor.Id}` is learned, "
                + $"through whose decoder each step would go; use huber"
            : plan.Target.Any(ImageKinds.IsMask) ? "the loss lpips_huber compares features of images, and the target has a mask; use huber"
            : null;
        if (fault is not null)
            throw new PlanException(fault, "loss").In("training");
    }

    /// <summary>Weights of voxels have a meaning where what is diffused are the voxels, wherever a compressor moves them.</summary>
    public static void RefuseWeights(ExperimentPlan plan, PartContext context)
    {
        if (plan.Training.RegionWeights is null || OnlyMovesVoxels(plan, context))
            return;
        throw new PlanException(
            $"region_weights weigh voxels, but {plan.Compressor.Id} diffuses something else; "
            + "remove them or use a compressor that only moves voxels, such as space_to_depth",
            "region_weights").In("training");
    }

    private static bool OnlyMovesVoxels(ExperimentPlan plan, PartContext context)
    {
        if (plan.Compressor.Part.IsLearned)
            return false;
        using var scope = NewDisposeScope();
        using var compressor = plan.Compressor.Build(context with { Device = CPU }, (part, options, given) => part.Create(options, given));
        var shape = plan.Shape.Volume.Batch(1);
        var numbers = arange(S(shape.Aggregate(1L, (product, size) => product * size)), ScalarType.Float32);
        var moved = plan.Compressor.Run(() => compressor.Encode(numbers.view(shape))).flatten();
        return moved.shape[0] == numbers.shape[0] && moved.sort().Values.eq(numbers).all().item<bool>();
    }

    private static void RefuseAdapter(ExperimentPlan plan)
    {
        if (plan.Training.Lora is null)
            return;
        var why = plan switch
        {
            { Condition.Control: not null } => "condition.control trains a branch beside a denoiser that stays as it is",
            { Training.Freeze: not null } => "freeze leaves parameters as they are, as lora does with all but the layers that it names",
            { Training.FromTensors: StartingTensors.Matching } =>
                "from_tensors: matching leaves some of the weights fresh that lora would not train",
            { Training.FromOptimizer: true } => "from_optimizer takes moments of the denoiser's parameters, and lora trains others",
            { Training.FromWeights: StartingWeights.Both } =>
                "from_weights: both takes an average of the denoiser's parameters, and lora trains others",
            _ => null,
        };
        if (why is not null)
            throw new PlanException($"{why}; remove one of the two", "lora").In("training");
        if (plan.Training.From is null)
            throw new PlanException(
                "lora changes a trained denoiser a little, and training.from names none; name an animal, a run or a file",
                "lora").In("training");
    }

    /// <summary>What the user should know of a plan, one sentence each.</summary>
    public static IEnumerable<string> Warnings(ExperimentPlan plan) =>
        Conflicts(plan).Where(c => !c.Conflict.IsRefused).Select(c => $"{c.First.Id} with {c.Second.Id}: {c.Conflict.Reason}");

    /// <summary>Shape of the condition's latent, which must lie on the grid of the target's.</summary>
    public static VolumeShape ConditionShape(ExperimentPlan plan, VolumeShape volume, VolumeShape latent)
    {
        if (plan.Condition.Images.Count == 0)
            return default;
        var compressor = plan.ConditionCompressor ?? plan.Compressor;
        var condition = compressor.LatentShape(volume with { Channels = plan.Condition.Images.Count });
        return condition with { Channels = latent.Channels } == latent
            ? condition
            : throw new PlanException(
                $"{compressor.Id} brings the condition to a grid of {Grid(condition)}, but the target's latent has {Grid(latent)}; "
                + "give condition.compressor the same reduction as the target's",
                "compressor").In("condition");
    }

    private static string Grid(VolumeShape shape) => $"{shape.Depth}×{shape.Height}×{shape.Width}";

    private static void RefuseWeightSource(string section, IWeightSource source, bool hasWeights)
    {
        if (source is { From: not null, TrainFirst: not null })
            throw new PlanException(
                $"from {source.From} and train_first {source.TrainFirst.Experiment} both say where weights come from; "
                + "remove one of the two",
                "from").In(section);
        if (!hasWeights && (source.From ?? source.TrainFirst?.Experiment) is { } named)
            throw new PlanException($"{named} would give trained weights to something that has none; remove it", "from").In(section);
    }

    /// <summary>Every pair of parts of which one names the other.</summary>
    private static IEnumerable<(Named First, Named Second, PartConflict Conflict)> Conflicts(ExperimentPlan plan)
    {
        Named[] parts =
        [
            Of(PartKind.Compressor, plan.Compressor), Of(PartKind.Architecture, plan.Architecture), Of(PartKind.Strategy, plan.Strategy),
            Of(PartKind.Sampler, plan.Sampler), .. plan.Augmentations.Select(a => Of(PartKind.Augmentation, a)),
        ];
        return from first in parts
               from conflict in first.Conflicts
               from second in parts
               where second.Kind == conflict.Kind && second.Id == conflict.Id && second != first
               select (first, second, conflict);

        static Named Of<T>(PartKind kind, PlannedPart<T> part)
            where T : class, IPart => new(kind, part.Section, part.Id, part.Part.Conflicts);
    }

    private sealed record Named(PartKind Kind, string Section, string Id, IReadOnlyList<PartConflict> Conflicts);
}
