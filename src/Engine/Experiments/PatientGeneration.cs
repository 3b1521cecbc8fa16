using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Patients;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// Two runs that generate patients together, one of masks and one of images from masks. What does not go together is refused when they are
/// opened, and nothing is written by then.
/// </summary>
public sealed class PatientGeneration : IDisposable
{
    private readonly List<IDisposable> _opened = [];
    private readonly ExperimentContext _context;
    private readonly PatientGenerator _generator;

    /// <summary>Opens the runs.</summary>
    /// <param name="masks">The experiment of masks, with what its run was sampled by.</param>
    /// <param name="images">The experiment of images.</param>
    /// <param name="checks">What patients have to be like.</param>
    /// <param name="cancellation">Ends what samplers learn before they sample.</param>
    /// <exception cref="PlanException">They do not go together.</exception>
    public PatientGeneration(PatientRun masks, PatientRun images, PatientChecks checks, CancellationToken cancellation = default)
    {
        _context = masks.Experiment.Context;
        var maskPlugins = RunPlugins.Check(_context, masks.Run, masks.Experiment.Plan.Sources);
        var imagePlugins = RunPlugins.Check(_context, images.Run, images.Experiment.Plan.Sources);
        Refuse(masks.Experiment.Plan, images.Experiment.Plan);
        try
        {
            var (maskCohort, imageCohort) = (Open(masks), Open(images));
            // the same seed is of other noise for images than for masks
            var imagePlan = images.Experiment.Plan;
            var seed = RandomStreams.SeedOf(imagePlan.Sampling.Seed, "patients/images");
            imagePlan = imagePlan with { Sampling = imagePlan.Sampling with { Seed = seed } };
            var maskSource = Source(masks, masks.Experiment.Plan, maskCohort, maskPlugins, cancellation);
            var imageSource = Source(images, imagePlan, imageCohort, imagePlugins, cancellation);
            var law = masks.Experiment.LawOf(maskCohort, masks.Experiment.Plan.Sampling);
            var atlas = checks.Atlas ? Atlas(images.Experiment, imageCohort, checks) : null;
            var hasShape = checks.Shape ? BrainShapes(images.Experiment, imageCohort, checks) : null;
            _generator = new PatientGenerator(
                maskSource, imageSource, law, atlas, hasShape, checks, maskSource.Conditions.Grid(0, ImageKinds.Seg));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Makes those patients of so many that a folder has not yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="count">How many there are to be.</param>
    /// <param name="done">Called with each that was made.</param>
    /// <param name="cancellation">Stops between steps; finished patients stay, and the same goes on with them.</param>
    /// <returns>What is there in the end.</returns>
    /// <exception cref="PatientException">One could not be made; those that were stay.</exception>
    /// <exception cref="RunFolderException">The folder holds something else.</exception>
    public GeneratedPatients Run(string folder, int count, Action<PatientRecord>? done = null, CancellationToken cancellation = default)
    {
        using var patients = new PatientFolder(folder, _generator.Request(), _context.Collective);
        var made = 0;
        _generator.Run(
            patients,
            count,
            _context.Collective,
            record =>
            {
                made++;
                done?.Invoke(record);
            },
            _context.Observer.Warned,
            cancellation);
        var records = patients.Records();
        var asked = records.Where(record => record.RequestedBins is not null);
        return new GeneratedPatients(
            records.Count, made, SizeBinAdherence.Of([.. asked.Select(record => (record.RequestedBins!, record.MeasuredBins))]));
    }

    /// <summary>Refuses runs that do not go together.</summary>
    private static void Refuse(ExperimentPlan masks, ExperimentPlan images)
    {
        if (masks.MaskChannel is null || masks.Target.Count != 1)
            throw new PlanException(
                $"{masks.Id} generates {Of(masks.Target)}, and the first run has to be one of masks alone (target: seg); "
                + "name one such as exp2's");
        if (masks.Condition.Images.Count > 0)
            throw new PlanException(
                $"{masks.Id} generates masks from {Of(masks.Condition.Images)} of a patient; name a run that needs no images");
        if (images.MaskChannel is not null || images.Condition.Images is not [ImageKinds.Seg])
            throw new PlanException(
                $"{images.Id} generates {Of(images.Target)} from {Of(images.Condition.Images)}, "
                + "and the second run has to generate images from masks "
                + "(condition.images: [seg]); name one such as exp1's");
        if (images.Condition.SizeBins is not null)
            throw new PlanException(
                $"{images.Id} generates images from masks and numbers of tumours by size; name a run that takes the mask alone");
        if (masks.Compared with { Channels = 1 } != images.Compared with { Channels = 1 } || masks.Data.Spacing != images.Data.Spacing)
            throw new PlanException(
                $"{masks.Id} makes masks of {Of(masks)} and {images.Id} takes masks of {Of(images)}; name runs on the same grid");
    }

    private static string Of(ExperimentPlan plan)
    {
        var (grid, size) = (plan.Compared, plan.Data.Spacing);
        return FormattableString.Invariant(
            $"{grid.Depth}×{grid.Height}×{grid.Width} voxels of {size.Depth:G4}×{size.Height:G4}×{size.Width:G4} mm");
    }

    private static string Of(IReadOnlyList<string> kinds) => kinds.Count == 0 ? "nothing" : string.Join(", ", kinds);

    private static Cohort Open(PatientRun run) => run.Experiment.Cohorts.OpenRecorded(run.Experiment.Plan, run.Run);

    private PatientSource Source(
        PatientRun run, ExperimentPlan plan, Cohort cohort, IReadOnlyList<PluginChange> plugins, CancellationToken cancellation)
    {
        var random = Opened(ExperimentContext.Random(plan));
        var trained = Opened(run.Experiment.Trained(
            run.Run, _context.PartsOf(plan, random), run.Checkpoint, plan.Sampling));
        var conditions = run.Experiment.Cohorts.Conditions(plan, cohort, run.Run.IsAnimals, plan.Sampling.Split);
        Discriminator? judge = null;
        var generator = new VolumeGenerator(
            plan, trained.Model, () => judge ??= Opened(Discriminator.Load(plan, trained)), trained.Weaker?.Model);
        new SamplerWarmUp(plan, trained, conditions, _context.Collective, _context.Observer.Warned)
            .Apply(generator, progress: null, cancellation);
        return new PatientSource(plan, trained, conditions, generator) { ChangedPlugins = trained.With(plugins) };
    }

    /// <summary>The union of the training split's brains.</summary>
    private static bool[] Atlas(DiffusionExperiment experiment, Cohort cohort, PatientChecks checks)
    {
        var plan = experiment.Plan;
        var training = experiment.Cohorts.Volumes(plan, cohort, Cohort.Train);
        var shape = plan.Compared with { Channels = 1 };
        var union = new bool[shape.Voxels];
        for (var i = 0; i < training.Count; i++)
        {
            using var sample = training.Load(i);
            var image = sample.Images[plan.Target[0]].data<float>().ToArray().AsSpan(0, union.Length);
            var brain = BrainMask.Of(image, shape, checks.BrainThreshold, checks.BrainDilation);
            for (var voxel = 0; voxel < union.Length; voxel++)
                union[voxel] |= brain.Voxels[voxel];
        }

        return union;
    }

    /// <summary>Tells of an image whether its brain is of a shape as those of the training split are.</summary>
    private Func<Tensor, bool> BrainShapes(DiffusionExperiment experiment, Cohort cohort, PatientChecks checks)
    {
        const string by = "--check shape";
        var plan = experiment.Plan;
        var planned = _context.Parts.Get<IMetric>("evaluation", "brain_shape", by, new PartOption("threshold", checks.BrainThreshold));
        var parts = _context.PartsOf(plan, Opened(ExperimentContext.Random(plan)));
        var metric = planned.Create(parts, (part, options, given) => part.Create(options, given)) as SetMetric
            ?? throw new PlanException($"{by}: `{planned.Id}` of {planned.Source.Plugin} is no metric of sets; use the one that ships");
        var training = experiment.Cohorts.Volumes(plan, cohort, Cohort.Train);
        var rows = new List<Tensor>();
        for (var i = 0; i < training.Count; i++)
        {
            using var scope = NewDisposeScope();
            using var sample = training.Load(i);
            rows.Add(metric.Features(sample.Images[plan.Target[0]].narrow(2, 0, sample.RealSlices[0])).DetachFromDisposeScope());
        }

        var real = Opened(cat([.. rows], 0).DetachFromDisposeScope());
        rows.ForEach(row => row.Dispose());
        return image =>
        {
            using var scope = NewDisposeScope();
            return metric.Compare(real, metric.Features(image)).Details["valid"] == 1;
        };
    }

    private T Opened<T>(T opened)
        where T : IDisposable
    {
        _opened.Add(opened);
        return opened;
    }

    /// <summary>Frees the models.</summary>
    public void Dispose()
    {
        foreach (var opened in Enumerable.Reverse(_opened))
            opened.Dispose();
        _opened.Clear();
    }
}

/// <summary>A run that takes part in the generation of patients.</summary>
/// <param name="Experiment">Its experiment, with how it is sampled.</param>
/// <param name="Run">The run.</param>
/// <param name="Checkpoint">The name of its checkpoint, such as <c>best</c>.</param>
public sealed record PatientRun(DiffusionExperiment Experiment, RunFolder Run, string Checkpoint = EvaluatedOptions.Best);

/// <summary>What a folder of generated patients holds.</summary>
/// <param name="Patients">How many there are.</param>
/// <param name="Made">How many of them this process has just made.</param>
/// <param name="Adherence">How well their masks keep to the numbers of tumours that were asked for; null where none were.</param>
public sealed record GeneratedPatients(int Patients, int Made, SizeBinAdherence? Adherence);
