using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// A plan's augmentations in a step of training, one after the other: of the batch's volumes, and of the terms of the loss. What a plugin's
/// makes is checked before anything is computed with it.
/// </summary>
/// <param name="plan">Names them.</param>
/// <param name="model">Holds them.</param>
/// <param name="random">The streams that they draw from.</param>
internal sealed class TrainingAugmentations(ExperimentPlan plan, DiffusionModel model, RandomStreams random)
{
    /// <summary>Whether there is none.</summary>
    public bool AreNone => model.Augmentations.Count == 0;

    /// <summary>Whether one mixes the samples of a batch, and so needs them all.</summary>
    public bool MixSamples => model.Augmentations.Any(augmentation => augmentation.MixesSamples);

    private IEnumerable<(PlannedPart<IAugmentation> Planned, Augmentation Augmentation)> All =>
        plan.Augmentations.Zip(model.Augmentations);

    /// <summary>
    /// The batch with the volumes that they make of its own. It is not disposed: its tensors are the given batch's, or in the current
    /// dispose scope.
    /// </summary>
    /// <exception cref="PartFailedException">One of them makes what does not fit.</exception>
    public Batch AugmentVolumes(Batch batch)
    {
        var changing = All.Where(pair => pair.Planned.Run(() => pair.Augmentation.ChangesVolumes)).ToArray();
        if (changing.Length == 0)
            return batch;
        var given = new TrainingVolumes
        {
            Images = [.. batch.Images.Select(image => new TrainingImage(image.Key, image.Value, ImageKinds.IsMask(image.Key)))],
            VoxelWeights = batch.LossWeights,
        };
        var changed = given;
        foreach (var (planned, augmentation) in changing)
        {
            changed = planned.Given("ApplyToVolumes", () => augmentation.ApplyToVolumes(changed, random[RandomStreams.Dropout]));
            if (changed.Images is null || changed.Images.Contains(null))
                throw planned.Unfit("gives null among the images of ApplyToVolumes");
            if (!changed.Images.Select(image => image.Kind).SequenceEqual(given.Images.Select(image => image.Kind)))
                throw planned.Unfit(
                    $"makes images of {string.Join(", ", changed.Images.Select(image => image.Kind))}, and they have to be of "
                    + string.Join(", ", batch.Images.Keys));
            foreach (var (image, before) in changed.Images.Zip(given.Images))
                planned.Checked($"changes {image.Kind} to", image.Voxels, before.Voxels.shape, before.Voxels.device);
            if (given.VoxelWeights is not { } weighed)
                changed = changed with { VoxelWeights = null };
            else if (changed.VoxelWeights is { } weights)
                planned.Checked("changes the voxels' weights to", weights, weighed.shape, weighed.device);
            else
                throw planned.Unfit("loses the weights of voxels, by which training.region_weights weighs tumours");
        }

        return new Batch
        {
            Epoch = batch.Epoch,
            Index = batch.Index,
            Patients = batch.Patients,
            Images = changed.Images.ToDictionary(image => image.Kind, image => image.Voxels),
            RealSlices = batch.RealSlices,
            SizeBins = batch.SizeBins,
            Modalities = batch.Modalities,
            LossWeights = changed.VoxelWeights,
        };
    }

    /// <summary>The terms of the loss that they make of one.</summary>
    /// <exception cref="PartFailedException">One of them makes what does not fit.</exception>
    public TrainingTerm[] AugmentTerm(TrainingTerm noised)
    {
        TrainingTerm[] terms = [noised];
        foreach (var (planned, augmentation) in All)
        {
            var drawn = random[RandomStreams.Dropout];
            terms = [.. terms.SelectMany(term => planned.Given("Apply", () => augmentation.Apply(term, model.Process, drawn)))];
            if (terms.Length == 0 || terms.Contains(null))
                throw planned.Unfit("leaves no term of the loss by Apply");
            foreach (var term in terms)
            {
                planned.Checked("changes the noisy sample to", term.Noisy, noised.Noisy.shape, model.Device);
                planned.Checked("changes the target to", term.Target, noised.Target.shape, model.Device);
            }
        }

        return terms;
    }
}
