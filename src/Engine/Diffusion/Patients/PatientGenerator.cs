using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Diffusion.Patients;

/// <summary>
/// Generates patients: numbers of tumours that are asked for, a mask, the tumours that it has, an image of it. A patient follows from its
/// number alone, so that it does not matter which process makes it, or when.
/// </summary>
/// <param name="masks">Generates the masks.</param>
/// <param name="images">Generates images from masks.</param>
/// <param name="law">Draws numbers of tumours, where the masks' plan wants that.</param>
/// <param name="atlas">Where tumours may be; null where that is looked up nowhere.</param>
/// <param name="hasShape">Whether an image <c>[1, C, D, H, W]</c> is of a brain's shape; null where nobody asks.</param>
/// <param name="checks">What patients have to be like.</param>
/// <param name="grid">Where their voxels lie.</param>
internal sealed class PatientGenerator(
    PatientSource masks, PatientSource images, SizeBinLaw? law, bool[]? atlas, Func<Tensor, bool>? hasShape,
    PatientChecks checks, VolumeGrid grid)
{
    private readonly SampleConditions _conditions = new(masks.Plan, masks.Conditions, law);
    private readonly int _maskChannel = masks.Plan.MaskChannel!.Value;

    /// <summary>The shape of a mask, without padding.</summary>
    private VolumeShape Shape { get; } = masks.Plan.Compared with { Channels = 1 };

    /// <summary>Makes those patients of so many that are not there yet.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="count">How many there are to be.</param>
    /// <param name="collective">The processes that share them.</param>
    /// <param name="done">Called with each that was made.</param>
    /// <param name="warn">Is told of patients that are damaged and made again.</param>
    /// <param name="cancellation">Stops between steps; finished patients stay.</param>
    /// <exception cref="PatientException">One could not be made.</exception>
    public void Run(
        PatientFolder folder, int count, ICollective collective, Action<PatientRecord>? done, Action<string>? warn,
        CancellationToken cancellation)
    {
        string[] kinds = [ImageKinds.Seg, .. images.Plan.Target];
        try
        {
            collective.Together(() =>
            {
                foreach (var number in collective.Share(count).Where(number => !folder.Has(number, kinds, warn)))
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var scope = torch.NewDisposeScope();
                    var record = Make(folder, number, cancellation);
                    done?.Invoke(record);
                }
            });
        }
        finally
        {
            if (collective.IsFirst())
                folder.WriteTable();
        }
    }

    /// <summary>Begins a patient anew, with other noise, until mask and image are as they have to be.</summary>
    private PatientRecord Make(PatientFolder folder, int number, CancellationToken cancellation)
    {
        var made = new Attempts();
        for (var attempt = 0; attempt < checks.Attempts; attempt++)
        {
            using var scope = torch.NewDisposeScope();
            if (DrawMask(number, made, cancellation) is not { } mask || DrawImage(number, mask, made, cancellation) is not { } image)
                continue;
            var record = new PatientRecord
            {
                Patient = PatientFolder.Name(number),
                RequestedBins = mask.Requested,
                MeasuredBins = Measured(mask),
                Masks = made.Masks,
                Images = made.Images,
                RemovedTumours = mask.Removed,
                Rejected = made.Rejected,
                FunctionEvaluations = made.FunctionEvaluations,
            };
            Write(folder, record, mask, image);
            return record;
        }

        var reasons = string.Join(", ", made.Rejected.Select(each => $"{each.Key.Replace('_', ' ')} {each.Value}"));
        throw new PatientException(
            $"patient {PatientFolder.Name(number)} could not be made in {checks.Attempts} attempts with {made.Masks} masks "
            + $"and {made.Images} images "
            + $"({reasons}); use better runs or more steps, or loosen the checks");
    }

    /// <summary>
    /// The first mask with the numbers of tumours that are asked for, or after all attempts the one that is nearest to them; null where
    /// none can be used.
    /// </summary>
    private DrawnMask? DrawMask(int number, Attempts made, CancellationToken cancellation)
    {
        DrawnMask? nearest = null;
        for (var attempt = 0; attempt < checks.MaskAttempts; attempt++)
        {
            using var scope = torch.NewDisposeScope();
            using var condition = _conditions.Load(number);
            var requested = SampleConditions.RequestedOf(masks.Plan, condition);
            var volume = masks.Generator.Generate(number, condition, cancellation: cancellation, attempt: made.Masks++);
            made.FunctionEvaluations += volume.FunctionEvaluations;
            volume.RequireFinite($"{PatientFolder.Name(number)} of masks");
            var mask = Data.Masks.Binarise(volume.Volume[0, _maskChannel].narrow(0, 0, Shape.Depth));
            var drawn = new DrawnMask(mask.to(ScalarType.Float32).contiguous().data<float>().ToArray(), requested);
            if (atlas is not null)
                drawn.Removed = checks.RemoveOutside(drawn.Voxels, Shape, atlas);
            if (WhyNot(drawn) is { } reason)
            {
                made.Reject(reason);
                continue;
            }

            if (drawn.Distance == 0)
                return drawn;
            made.Reject("masks_with_other_tumours");
            if (nearest is null || drawn.Distance < nearest.Distance)
                nearest = drawn;
        }

        return nearest;
    }

    /// <summary>Why a mask cannot be used at all; null where it can. Measures it.</summary>
    private string? WhyNot(DrawnMask drawn)
    {
        if (PatientChecks.LargestShare(drawn.Voxels, Shape) >= checks.SliceShare)
            return "masks_with_a_slice_too_full";
        drawn.Measured = Measured(drawn);
        return drawn.Measured.Sum() == 0 && drawn.Requested?.Sum() != 0 ? "empty_masks" : null;
    }

    private int[] Measured(DrawnMask mask) => TumourSizes.Count(TumourSizes.Diameters(mask.Voxels, Shape, masks.Plan.Data.Spacing));

    /// <summary>An image of a mask, from which tumours outside of the image's brain are removed; null where none can be used.</summary>
    private Tensor? DrawImage(int number, DrawnMask mask, Attempts made, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < checks.ImageAttempts; attempt++)
        {
            using var scope = torch.NewDisposeScope();
            using var condition = Condition(number, mask);
            var volume = images.Generator.Generate(number, condition, cancellation: cancellation, attempt: made.Images++);
            made.FunctionEvaluations += volume.FunctionEvaluations;
            volume.RequireFinite($"{PatientFolder.Name(number)} of images");
            var image = volume.Volume.narrow(2, 0, Shape.Depth);
            if (!checks.Brain)
                return image.MoveToOuterDisposeScope();
            var brain = BrainMask.Of(image[0, 0].contiguous().data<float>().ToArray(), Shape, checks.BrainThreshold, checks.BrainDilation);
            if (brain.IsEmpty)
                made.Reject("images_without_a_brain");
            else if (brain.Second >= checks.SecondComponent)
                made.Reject("images_with_a_second_brain");
            else if (hasShape?.Invoke(image) == false)
                made.Reject("images_of_another_shape");
            else if (checks.RemoveOutside(mask.Voxels, Shape, brain.Voxels) is not (> 0 and var removed))
                return image.MoveToOuterDisposeScope();
            else
            {
                mask.Removed += removed;
                made.Reject("images_with_tumours_outside");
                if (!mask.Voxels.Contains(1))
                    return null;
            }
        }

        return null;
    }

    /// <summary>What the image is generated from: the mask, padded as the images' plan pads.</summary>
    private Batch Condition(int number, DrawnMask mask)
    {
        var data = images.Plan.Data;
        var (slice, voxels) = (Shape.Height * Shape.Width, new float[data.Depth * Shape.Height * Shape.Width]);
        mask.Voxels.CopyTo(voxels, 0);
        for (var d = Shape.Depth; d < data.Depth && data.PadMode == PadMode.Replicate; d++)
            voxels.AsSpan((Shape.Depth - 1) * slice, slice).CopyTo(voxels.AsSpan(d * slice));
        var padded = torch.tensor(voxels, [1, 1, data.Depth, data.Height, data.Width]).DetachFromDisposeScope();
        return new Batch
        {
            Patients = [PatientFolder.Name(number)],
            Images = new Dictionary<string, Tensor> { [ImageKinds.Seg] = padded },
            RealSlices = [Shape.Depth],
        };
    }

    private void Write(PatientFolder folder, PatientRecord record, DrawnMask mask, Tensor image)
    {
        var comment = JsonSerializer.Serialize(record, AtomicFile.Json);
        folder.Write(record, target =>
        {
            var seg = torch.tensor(mask.Voxels, [Shape.Depth, Shape.Height, Shape.Width]);
            NiftiFile.Write(
                Path.Combine(target, PatientFolder.FileOf(ImageKinds.Seg)), Data.Masks.Binarise(seg), grid.Spacing, grid.Affine, comment);
            for (var c = 0; c < images.Plan.Target.Count; c++)
                NiftiFile.Write(
                    Path.Combine(target, PatientFolder.FileOf(images.Plan.Target[c])), image[0, c], grid.Spacing, grid.Affine, comment);
        });
    }

    /// <summary>All that patients follow from besides their number: patients of a folder are made by the same.</summary>
    public JsonObject Request() => new()
    {
        ["format"] = 1,
        ["masks"] = masks.Facts(),
        ["images"] = images.Facts(),
        ["checks"] = JsonSerializer.SerializeToNode(checks, AtomicFile.Json),
    };

    /// <summary>A mask, from which tumours may be removed.</summary>
    private sealed class DrawnMask(float[] voxels, IReadOnlyList<int>? requested)
    {
        public float[] Voxels => voxels;

        public IReadOnlyList<int>? Requested => requested;

        public int Removed { get; set; }

        /// <summary>Numbers of tumours by size, as it was drawn.</summary>
        public int[] Measured { get; set; } = [];

        /// <summary>How far they are from what was asked for; 0 where nothing was.</summary>
        public int Distance => Requested?.Zip(Measured, (asked, found) => Math.Abs(asked - found)).Sum() ?? 0;
    }

    /// <summary>What was tried for a patient.</summary>
    private sealed class Attempts
    {
        private readonly SortedDictionary<string, int> _rejected = new(StringComparer.Ordinal);

        public int Masks { get; set; }

        public int Images { get; set; }

        public int FunctionEvaluations { get; set; }

        public IReadOnlyDictionary<string, int> Rejected => _rejected;

        public void Reject(string reason) => _rejected[reason] = _rejected.GetValueOrDefault(reason) + 1;
    }
}

/// <summary>A patient could not be generated.</summary>
/// <param name="message">One sentence with what was tried.</param>
public sealed class PatientException(string message) : Exception(message);
