using Microsoft.Extensions.Logging.Abstractions;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Pictures;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Zoo;

/// <summary>
/// The picture of an animal, of what it makes for each patient of a split: the one in the middle, and below it the worst. Of images
/// from masks it shows the real volume, its mask and what was made from it, by sharpness; of masks from numbers of tumours the real mask
/// and the one that was made, by how far the numbers are from those asked for; of a compressor the real volume and what was restored of
/// it, by sharpness. All in the window from 0 to 1.
/// </summary>
/// <param name="session">The parts.</param>
/// <param name="experiment">The animal's, on a cohort that has the real volumes too.</param>
/// <param name="cohort">That cohort.</param>
internal sealed class AnimalGallery(Session session, Experiment experiment, Cohort cohort)
{
    private readonly Plan _plan = experiment.Plan;

    private bool IsOfMasks => _plan.Target is [ImageKinds.Seg];

    /// <summary>Whether there is such a picture of what it makes.</summary>
    public bool Exists => _plan switch
    {
        ExperimentPlan plan => IsOfMasks ? plan.Condition.SizeBins is not null : plan.Condition.Images.Contains(ImageKinds.Seg),
        _ => !IsOfMasks,
    };

    /// <summary>Samples as many volumes as the experiment says, and writes the picture.</summary>
    /// <param name="run">The animal, unpacked.</param>
    /// <param name="samples">Where the volumes are left.</param>
    /// <param name="picture">The picture's file.</param>
    /// <returns>What is seen on it.</returns>
    public string Write(RunFolder run, string samples, string picture)
    {
        using var scope = NewDisposeScope();
        var written = experiment.Sample(run, samples, SampleNumbers.Replace);
        var exhibits = (_plan is ExperimentPlan ? Generated(written) : Restored(written)).ToArray();
        int[] order = [.. Enumerable.Range(0, exhibits.Length).OrderBy(i => exhibits[i].Quality)];
        int[] shown = [.. new[] { order[order.Length / 2], order[0] }.Distinct()];
        AtomicFile.Write(picture, stream => Montage.Write(stream, [.. shown.SelectMany(i => exhibits[i].Rows())], _plan.Data.Spacing));
        var (one, by, worst) = _plan switch
        {
            CompressionPlan => ("a real volume, and what was restored of it", "sharpness", "the softest"),
            _ when IsOfMasks => ("a real mask, and what was made from its numbers of tumours", "the numbers of its tumours", "the worst"),
            _ => ("a real volume, its mask, and what was made from it", "sharpness", "the softest"),
        };
        return shown.Length == 1 ? one : $"of {exhibits.Length} the one in the middle by {by}, and below it {worst}: each {one}";
    }

    private IEnumerable<Exhibit> Generated(IReadOnlyList<WrittenSample> written)
    {
        var plan = (ExperimentPlan)_plan;
        var patients = new CohortDataset(cohort, plan.Sampling.Split, plan.Data, plan.Kinds);
        return written.Select((sample, number) =>
        {
            var made = Read(sample, plan.Target[0]);
            return new Exhibit(IsOfMasks ? -Errors(sample) : Sharpness(made), () =>
            {
                using var patient = patients.Load(number % patients.Count);
                var mask = Shown(patient.Images[ImageKinds.Seg]);
                var grid = patients.Grid(number % patients.Count, plan.Target[0]);
                MontageRow Row(Tensor volume, Tensor? outlined) => new(volume, outlined, grid) { IsProjected = IsOfMasks };
                return IsOfMasks
                    ? [Row(mask, null), Row(made, null)]
                    : [Row(Shown(patient.Images[plan.Target[0]]), mask), Row(mask, mask), Row(made, mask)];
            });
        });
    }

    private IEnumerable<Exhibit> Restored(IReadOnlyList<WrittenSample> written)
    {
        var volumes = new PooledImages(cohort, SplitOf(_plan), _plan.Data, _plan.Target);
        return written.Select((sample, number) =>
        {
            var made = Read(sample, volumes.Kind(number));
            return new Exhibit(Sharpness(made), () =>
            {
                using var real = volumes.Load(number);
                var grid = volumes.Grid(number);
                return [new MontageRow(Shown(real.Images[PooledImages.Image]), null, grid), new MontageRow(made, null, grid)];
            });
        });
    }

    /// <summary>The split whose patients it is of.</summary>
    public static string SplitOf(Plan plan) => plan switch
    {
        ExperimentPlan { Sampling.Split: var split } => split,
        CompressionPlan { Sampling.Split: var split } => split,
        _ => throw new ArgumentException($"{plan.GetType()} samples nothing"),
    };

    private static Tensor Read(WrittenSample sample, string kind) =>
        NiftiFile.Read(Path.Combine(sample.Folder, $"{kind}.nii.gz")).ToTensor().unsqueeze(0);

    private Tensor Shown(Tensor volume) => volume.narrow(2, 0, _plan.Data.OriginalDepth);

    /// <summary>Tumours too many and too few, over all bins.</summary>
    private static int Errors(WrittenSample sample)
    {
        var record = SampleRecord.Read(sample.Folder)!;
        return record.RequestedBins!.Zip(record.MeasuredBins!, (asked, found) => Math.Abs(asked - found)).Sum();
    }

    private float Sharpness(Tensor volume)
    {
        var sharpness = session.Registry.Get<IMetric>("sharpness");
        using var random = new RandomStreams(0);
        var context = new PartContext(CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, random)
        {
            PluginFolder = sharpness.Path,
        };
        return sharpness.Call(part =>
            ((SetMetric)part.Create(Activator.CreateInstance(part.OptionsType)!, context)).Features(volume)[0, 0].item<float>());
    }

    /// <summary>A volume that may be shown.</summary>
    /// <param name="Quality">The lower, the worse.</param>
    /// <param name="Rows">The rows of its picture.</param>
    private sealed record Exhibit(double Quality, Func<IReadOnlyList<MontageRow>> Rows);
}
