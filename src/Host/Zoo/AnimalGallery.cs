using Microsoft.Extensions.Logging.Abstractions;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Pictures;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Zoo;

/// <summary>
/// The picture of an animal that makes images from masks: of the volumes that it makes from its conditions the one in the middle by sharpness, and below it the
/// softest. Of each, three planes of the real volume, of its mask, and of what was generated from it, all in the window from 0 to 1.
/// </summary>
/// <param name="session">The parts.</param>
/// <param name="experiment">The animal's, on a cohort that has the real volumes too.</param>
/// <param name="cohort">That cohort.</param>
internal sealed class AnimalGallery(Session session, DiffusionExperiment experiment, Cohort cohort)
{
    private ExperimentPlan Plan => experiment.Plan;

    /// <summary>Whether there is such a picture of what it makes.</summary>
    public bool IsOfImagesFromMasks => Plan.Target is [not ImageKinds.Seg] && Plan.Condition.Images.Contains(ImageKinds.Seg);

    /// <summary>Samples as many volumes as the experiment says, and writes the picture.</summary>
    /// <param name="run">The animal, unpacked.</param>
    /// <param name="samples">Where the volumes are left.</param>
    /// <param name="picture">The picture's file.</param>
    /// <returns>What is seen on it.</returns>
    public string Write(RunFolder run, string samples, string picture)
    {
        using var scope = NewDisposeScope();
        var written = experiment.Sample(run, samples, SampleNumbers.Replace);
        var sharpness = session.Registry.Get<IMetric>("sharpness");
        using var random = new RandomStreams(0);
        var context = new PartContext(CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, random)
        {
            PluginFolder = sharpness.Path,
        };
        var metric = (SetMetric)sharpness.Call(part => part.Create(Activator.CreateInstance(part.OptionsType)!, context));
        var volumes = written.Select(sample => NiftiFile.Read(Path.Combine(sample.Folder, $"{Plan.Target[0]}.nii.gz")).ToTensor().unsqueeze(0)).ToArray();
        int[] order = [.. Enumerable.Range(0, volumes.Length).OrderBy(i => sharpness.Call(_ => metric.Features(volumes[i])[0, 0].item<float>()))];
        var (middle, softest) = (order[order.Length / 2], order[0]);
        int[] shown = [.. new[] { middle, softest }.Distinct()];
        AtomicFile.Write(picture, stream => Montage.Write(stream, [.. shown.SelectMany(i => Rows(i, volumes[i]))], Plan.Data.Spacing));
        return shown.Length == 1
            ? "a real volume, its mask, and what was made from it"
            : $"of {volumes.Length} the one in the middle by sharpness, and below it the softest: each a real volume, its mask, and what was made from it";
    }

    private IEnumerable<MontageRow> Rows(int number, Tensor generated)
    {
        var patients = new CohortDataset(cohort, Plan.Sampling.Split, Plan.Data, Plan.Kinds);
        using var patient = patients.Load(number % patients.Count);
        Tensor Shown(Tensor volume) => volume.narrow(2, 0, Plan.Data.OriginalDepth);
        var mask = Shown(patient.Images[ImageKinds.Seg]);
        return [new MontageRow(Shown(patient.Images[Plan.Target[0]]), mask), new MontageRow(mask, mask), new MontageRow(generated, mask)];
    }
}
