using TorchSharp;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Zoo;

/// <summary>Copies what an animal ships of a run: weights, and what they need beside them.</summary>
/// <param name="experiment">The run's experiment.</param>
/// <param name="run">The run.</param>
/// <param name="folder">The animal's folder.</param>
internal sealed class AnimalFiles(Experiment experiment, RunFolder run, string folder)
{
    /// <summary>The averaged weights where there are any, and those that the run used and did not train.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="component">Its component that was trained.</param>
    /// <param name="dtype">As what they are kept.</param>
    public void CopyWeights(Checkpoint checkpoint, string component, string dtype)
    {
        foreach (var trained in new[] { component, Component.Conditioning }.Where(checkpoint.Has))
            CopyWeights(checkpoint.File(checkpoint.Used(trained)), Path.Combine(folder, Animal.WeightsOf(trained)), dtype);
        var frozen = new FrozenParts(run);
        string[] used =
        [
            FrozenParts.Compressor,
            FrozenParts.ConditionCompressor,
            FrozenParts.Denoiser,
            .. component == Component.Adapter ? [FrozenParts.Start] : (string[])[],
        ];
        foreach (var name in used.Where(frozen.Has))
            CopyWeights(frozen.Verify(name), Path.Combine(folder, Animal.WeightsOf(name)), dtype);
        if (new NormalizationFile(frozen).Read() is { } statistics)
            new NormalizationFile(new FrozenParts(folder)).Write(statistics);
    }

    private static void CopyWeights(string from, string to, string dtype)
    {
        using var weights = SafetensorsFile.Read(from);
        using var scope = torch.NewDisposeScope();
        var type = dtype == "float32" ? torch.float32 : torch.bfloat16;
        SafetensorsFile.Write(
            to, weights.ToDictionary(one => one.Key, one => one.Value.is_floating_point() ? one.Value.to(type) : one.Value));
    }

    /// <summary>The conditions of the split that is sampled, without what was learned from them.</summary>
    /// <param name="most">How many of them, at most.</param>
    /// <param name="law">Whether all conditions of the training split ship too.</param>
    public void CopyConditions(int most, bool law)
    {
        if (experiment is not DiffusionExperiment { Plan: var plan })
            return;
        var cohort = experiment.OpenCohort(run);
        CopyConditions(plan, cohort, plan.Sampling.Split, most);
        if (law)
            CopyConditions(plan, cohort, Cohort.Train, int.MaxValue);
        if (plan.Data.Normalization == Normalization.Cohort)
            cohort.Sheet?.WriteWithoutSource(Path.Combine(folder, Animal.ConditionsName));
    }

    private void CopyConditions(ExperimentPlan plan, Cohort cohort, string split, int most)
    {
        var patients = cohort.Of(split).Where(patient => !plan.GivenKinds.Except(patient.Kinds).Any()).Take(most).ToArray();
        if (patients.Length == 0)
            throw new RunFolderException(
                $"no patient in {split} of {cohort.Folder} has {string.Join(" and ", plan.GivenKinds)}, "
                + "from which the animal would be sampled; name another cohort with --cohort");
        foreach (var (patient, kind) in patients.SelectMany(patient => plan.GivenKinds.Select(kind => (patient, kind))))
        {
            // in a cohort of the card's words alone: names of patients stay at home
            var place = Path.Combine(folder, Animal.ConditionsName, split, $"{split}_{Array.IndexOf(patients, patient):D3}");
            Directory.CreateDirectory(place);
            using var from = RegularFile.OpenRead(patient.File(kind));
            AtomicFile.Write(Path.Combine(place, Path.GetFileName(patient.File(kind))), from.CopyTo);
        }
    }

    /// <summary>What the card says of the files that are there; not of itself.</summary>
    public SortedDictionary<string, CardFile> Listed() => new(
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != Animal.CardName).ToDictionary(
                file => Path.GetRelativePath(folder, file),
                file => FileOf(FileFacts.Of(file))),
        StringComparer.Ordinal);

    private static CardFile FileOf(FileFacts facts) => new() { Bytes = facts.Bytes, Sha256 = facts.Sha256 };
}
