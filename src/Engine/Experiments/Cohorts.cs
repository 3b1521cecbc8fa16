using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Experiments;

/// <summary>The cohort of a plan: the folder that it names, or one that was made for its run.</summary>
/// <param name="context">Is told what is found.</param>
internal sealed class Cohorts(ExperimentContext context)
{
    /// <summary>Opens the cohort that the plan names, or else the one in the run's folder.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="run">The run, or null.</param>
    /// <param name="option">How it is said where the run's cohort lies now.</param>
    /// <exception cref="PlanException">There is none.</exception>
    public Cohort Open(Plan plan, RunFolder? run, string option = "--set data.cohort=DIR")
    {
        var cohort = Found(plan, run, option);
        // an animal has the conditions at hand, and not what it was trained to make of them
        if (run is not { IsAnimals: true })
            plan.RequireKinds(cohort);
        return cohort;
    }

    /// <summary>The cohort that the plan of an animal names, whatever of the plan's images it has.</summary>
    /// <exception cref="PlanException">There is none.</exception>
    public static Cohort OfAnimal(Plan plan) => Found(plan, null, "--cohort DIR");

    /// <summary>Refuses a cohort of which no patient has all images of the plan, as that which comes with an animal.</summary>
    /// <exception cref="PlanException">It is such a one.</exception>
    public static void RequireWhole(Plan plan, Cohort cohort)
    {
        if (!cohort.Patients.Any(patient => !plan.Kinds.Except(patient.Kinds).Any()))
            throw new PlanException("an animal has only with it what it is sampled from, and nothing to be evaluated on; name a "
                + "cohort with --cohort DIR", "cohort").In("data");
    }

    private static Cohort Found(Plan plan, RunFolder? run, string option)
    {
        try
        {
            var folder = plan.Data.Synthesize is null || run is null ? Named(plan) : Folder(run);
            if (run is not null && !Path.Exists(folder) && Provenance.PlaceOf(run) == Path.GetFullPath(folder))
                throw new PlanException(
                    $"the run's cohort '{folder}' is not there any more; put it back, or name the folder that holds it now with {option}",
                    "cohort");
            return Cohort.Open(folder);
        }
        catch (PlanException e)
        {
            throw e.In("data");
        }
    }

    /// <summary>Opens the cohort of a run that is trained, and refuses another one, and a run whose experiment was changed.</summary>
    /// <exception cref="PlanException">It does not hold what the run was trained on.</exception>
    /// <exception cref="RunFolderException">The run's experiment is not what it was trained by.</exception>
    public Cohort OpenRecorded(Plan plan, RunFolder run)
    {
        // the first of several processes says it for all
        Action<string>? warn = context.Collective.IsFirst() ? context.Observer.Warned : null;
        ExperimentSeal.Check(run, warn);
        if (Provenance.WhyIncomparable(run) is { } why)
            warn?.Invoke($"{why}; they are taken as they are");
        var cohort = Open(plan, run, "--cohort DIR");
        const string Remedy = "put back what was there, or name the folder that holds it with --cohort DIR";
        Provenance.CompareData(run, plan, cohort, allow: false, Remedy);
        return cohort;
    }

    /// <summary>Whether the run's cohort was made already.</summary>
    public static bool IsSynthesized(RunFolder run) => Directory.Exists(Folder(run));

    /// <summary>A split's volumes with every image that the plan needs; the first one is read, to see that they fit the plan.</summary>
    public CohortDataset Volumes(ExperimentPlan plan, Cohort cohort, string split) =>
        Checked(cohort, () => new CohortDataset(cohort, split, plan.Data, plan.Kinds, plan.TumourUse));

    /// <summary>What a run's volumes are generated from. An animal's own cohort holds nothing else.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="cohort">The cohort.</param>
    /// <param name="isAnimals">Whether the run is that of an animal.</param>
    /// <param name="split">The split.</param>
    public CohortDataset Conditions(ExperimentPlan plan, Cohort cohort, bool isAnimals, string split) =>
        isAnimals && cohort.Of(split).Any(patient => plan.Kinds.Except(patient.Kinds).Any())
            ? Checked(cohort, () => new CohortDataset(cohort, split, plan.Data, plan.GivenKinds, plan.TumourUse with { Weights = null }))
            : Volumes(plan, cohort, split);

    /// <summary>A split's patients, each once for each of the plan's modalities.</summary>
    public ModalityDataset Modalities(ExperimentPlan plan, Cohort cohort, string split) => Checked(
        cohort,
        () => new ModalityDataset(
            cohort, split, plan.Data, plan.Target[0], plan.Condition.Modalities!, [.. plan.Kinds.Except(plan.Condition.Modalities!)],
                plan.TumourUse));

    /// <summary>A split's images as samples of their own; the first one is read, to see that they fit the plan.</summary>
    public PooledImages Images(CompressionPlan plan, Cohort cohort, string split, RandomCrop? crop = null) =>
        Checked(cohort, () => new PooledImages(cohort, split, plan.Data, plan.Kinds, crop));

    /// <summary>Refuses a split that the plan names where the cohort has no patients in it.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="section">The section that names it.</param>
    /// <param name="key">The key.</param>
    /// <param name="split">The split.</param>
    /// <exception cref="PlanException">It is empty.</exception>
    public static void RefuseEmpty(Cohort cohort, string section, string key, string split)
    {
        if (cohort.Of(split).Count == 0)
            throw new PlanException(
                $"the cohort '{cohort.Folder}' has no patients in {split}, which {section}.{key} names; "
                + $"put some there, or name another of {string.Join(", ", cohort.Patients.Select(p => p.Split).Distinct())}",
                key).In(section);
    }

    /// <summary>The splits that have patients, for people.</summary>
    public static string SplitsOf(Cohort cohort) => string.Join(", ", cohort.Patients.Select(patient => patient.Split).Distinct());

    /// <summary>The volumes of the splits that are to be evaluated.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="splits">The splits.</param>
    /// <param name="parts">What the metrics are given.</param>
    /// <param name="cohort">The cohort.</param>
    /// <param name="open">Opens a split.</param>
    /// <exception cref="PlanException">A split is empty, or the plan's metrics cannot be computed on its volumes.</exception>
    public IReadOnlyList<(string Split, T Volumes)> Evaluated<T>(
        Plan plan, IReadOnlyList<string> splits, PartContext parts, Cohort cohort, Func<string, T> open)
        where T : IBatchSource
    {
        new NetworkChecks(context).Run(plan.Metrics);
        foreach (var split in splits)
            RefuseEmpty(cohort, "evaluation", "splits", split);
        var opened = splits.Select(split => (split, Volumes: open(split))).ToArray();
        foreach (var (_, volumes) in opened)
        {
            using var first = volumes.Load(0);
            MetricChecks.Refuse(
                plan.Metrics,
                plan.Compared with { Depth = first.RealSlices[0] },
                sets: true,
                plan is ExperimentPlan { HasMasks: true },
                parts);
        }

        return opened;
    }

    private T Checked<T>(Cohort cohort, Func<T> open)
        where T : IBatchSource
    {
        try
        {
            var volumes = open();
            volumes.Load(0).Dispose();
            if (cohort.News() is { Count: > 0 } news)
                context.Observer.Found(news, cohort);
            return volumes;
        }
        catch (PlanException e)
        {
            throw new PlanException(e.Message, e.Key ?? "cohort").In("data");
        }
        catch (InvalidDataException e)
        {
            throw new PlanException(e.Message, "cohort").In("data");
        }
    }

    /// <summary>Makes the run's cohort from the head that ships, whole or not at all; nothing where it was made before.</summary>
    public void Synthesize(SynthesisOptions options, RunFolder run, CancellationToken cancellation)
    {
        if (IsSynthesized(run))
            return;
        // what a killed process left half made, held already or not; the run is locked, so that nobody else makes it now
        foreach (var half in Directory.EnumerateDirectories(run.Path, "cohort.*.tmp"))
            Directory.Delete(half, recursive: true);
        try
        {
            var made = CohortSynthesizer.Run(options with { Source = HeadFolder.Find(options.Source) }, Folder(run), stop: cancellation);
            context.Observer.Told($"synthesized {made.Patients} patients, {made.Tumours.Sum()} metastases, in {made.Folder}");
        }
        catch (PlanException e)
        {
            throw e.In("synthesize").In("data");
        }
    }

    private static string Folder(RunFolder run) => Path.Combine(run.Path, "cohort");

    private static string Named(Plan plan) => plan.Data.Cohort.Length > 0
        ? plan.Data.Cohort
        : throw new PlanException(
            "data.cohort names no folder; set it to a folder with train, val and test, or make one with `data synthesize`", "cohort");
}
