using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// An experiment like another one, fitted to a cohort: kinds of image, a grid that the network's levels divide, a batch that fits into
/// memory.
/// </summary>
/// <param name="session">The parts.</param>
/// <param name="cohort">The cohort.</param>
/// <param name="like">The file of the other experiment.</param>
internal sealed class FittedExperiment(Session session, Cohort cohort, string like)
{
    private static readonly string[] Enhanced = ["t1c", "t1ce", "t1gd", "t1w_gd", ImageKinds.T1Gd, ImageKinds.Bravo];
    private static readonly int[] Multiples = [1, 2, 4, 8, 16, 32, 64, 128];
    private static readonly int[] Steps = [1, 2, 4];

    private readonly CohortGeometry _geometry = CohortGeometry.Of(cohort);

    /// <summary>The values that make the other experiment one for the cohort.</summary>
    /// <exception cref="ConfigurationException">No grid fits its network.</exception>
    /// <exception cref="PlanException">The cohort lacks what it reads, or the smallest grid does not fit into memory.</exception>
    public Fit Find()
    {
        var plan = ExperimentLoader.Load(session, ExperimentLoader.Read(like, plugins: session.Registry.Catalogue), null).Plan;
        if (plan is ExperimentPlan { Compressor.Part.IsLearned: true } latent)
            throw new UsageException($"{plan.Id} diffuses latents of `{latent.Compressor.Id}`, which has to be trained on your volumes "
                + "before: begin with an experiment that trains one, such as --like vqvae_4x, or with one on voxels, such as --like "
                + "pixel_unet");
        var target = Target(plan);
        string[] condition = plan is ExperimentPlan { Condition.Images: { Count: > 0 } images } ? [.. Condition(images, target)] : [];
        var quantiles = plan.Data.ClipQuantiles is not null && cohort.Sheet is not null;
        ConfigurationException? misfit = null;
        string? large = null;
        foreach (var step in Steps)
        {
            var grids = Multiples.Select(multiple => GridOf(step, multiple)).Where(grid => grid.Height > 0 && grid.Width > 0).Distinct();
            foreach (var grid in grids)
            {
                try
                {
                    var fit = new Fit(target, condition, grid, 1, "", _geometry) { ReplacesQuantiles = quantiles };
                    if (Largest(plan, fit, out var tooLarge) is { } largest)
                        return largest;
                    large = tooLarge;
                    break; // a coarser grid takes less
                }
                catch (ConfigurationException e)
                {
                    misfit ??= e;
                }
            }
        }

        throw large is not null ? new PlanException(large) : new PlanException(
            $"no grid of the cohort '{cohort.Folder}', whose files are of {_geometry.Shown}, "
            + $"fits {plan.Id} ({misfit!.Message.TrimEnd('.')}); "
            + "import it with a voxel size that gives more voxels (data import --spacing MM), or take another experiment with --like");
    }

    /// <summary>The fit with the largest batch that memory holds, at most the other experiment's, or null where none does.</summary>
    private Fit? Largest(Plan plan, Fit fit, out string? large)
    {
        large = null;
        for (var batch = Math.Min(plan.Training.BatchSize, Math.Max(1, cohort.Of(Cohort.Train).Count)); batch > 0; batch /= 2)
        {
            var file = ExperimentLoader.Read(like, (fit with { Batch = batch }).Sets(cohort), plugins: session.Registry.Catalogue);
            var experiment = ExperimentLoader.Load(session, file, null);
            var described = experiment.Memory.Describe();
            large = experiment.WhyTooLarge();
            if (large is null)
                return fit with { Batch = batch, Memory = described };
        }

        return null;
    }

    /// <summary>Rows and columns can only be shrunk, so that what does not divide goes; slices are padded.</summary>
    private FittedGrid GridOf(int step, int multiple)
    {
        var slices = (_geometry.Slices + step - 1) / step;
        return new FittedGrid(
            _geometry.Height / step / multiple * multiple,
            _geometry.Width / step / multiple * multiple,
            (slices + multiple - 1) / multiple * multiple,
            slices,
            step);
    }

    private string[] Target(Plan plan)
    {
        string[] images =
        [
            .. Images()
                .ThenBy(kind => Array.IndexOf(Enhanced, kind) is >= 0 and var place ? place : Enhanced.Length)
        ];
        if (plan.Target.All(cohort.Kinds.Contains))
            return [.. plan.Target];
        if (plan.Target.FirstOrDefault(ImageKinds.IsMask) is { } mask)
            throw Lacks(plan.Id, mask);
        if (images.Length == 0)
            throw Lacks(plan.Id, plan.Target[0]);
        return plan is CompressionPlan && plan.Target.Count > 1 ? [.. ImageKinds.Ordered(images)] : [.. images.Take(plan.Target.Count)];
    }

    /// <summary>The cohort's images, those first that most patients have.</summary>
    private IOrderedEnumerable<string> Images() => cohort.Kinds.Where(kind => !ImageKinds.IsMask(kind))
        .OrderByDescending(kind => cohort.Patients.Count(patient => patient.Kinds.Contains(kind)));

    private IEnumerable<string> Condition(IReadOnlyList<string> wanted, string[] target)
    {
        var free = new Queue<string>(Images().Except(target).Except(wanted));
        foreach (var kind in wanted)
        {
            if (cohort.Kinds.Contains(kind))
                yield return kind;
            else if (!ImageKinds.IsMask(kind) && free.TryDequeue(out var other))
                yield return other;
            else
                throw Lacks(Path.GetFileNameWithoutExtension(like), kind);
        }
    }

    private PlanException Lacks(string id, string kind) =>
        new(
            $"{id} reads {kind}, and the cohort '{cohort.Folder}' has {string.Join(", ", cohort.Kinds)}; take another experiment with "
                + "--like, `voxelzoo experiments` lists them");
}

/// <summary>A grid of the network's volumes.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Depth">Slices with those that fill up.</param>
/// <param name="Slices">Slices of the files that are taken.</param>
/// <param name="Step">Every so many of a file's slices is taken.</param>
internal sealed record FittedGrid(int Height, int Width, int Depth, int Slices, int Step);

/// <summary>What an experiment is fitted to a cohort with.</summary>
/// <param name="Target">The kinds that are learned.</param>
/// <param name="Condition">The kinds that it is generated from; empty where it is generated from none.</param>
/// <param name="Grid">The grid.</param>
/// <param name="Batch">Volumes of a step.</param>
/// <param name="Memory">What training is estimated to take, for people.</param>
/// <param name="Files">The grid of the cohort's files.</param>
internal sealed record Fit(
    IReadOnlyList<string> Target,
    IReadOnlyList<string> Condition,
    FittedGrid Grid,
    int Batch,
    string Memory,
    CohortGeometry Files)
{
    /// <summary>Whether the other experiment clips at quantiles of each volume, where the cohort's sheet names intensities.</summary>
    public bool ReplacesQuantiles { get; init; }

    /// <summary>The splits in which patients lack an image that it reads, with how many and of how many.</summary>
    public IEnumerable<(string Split, int Lacking, int All)> Lacking(Cohort cohort) =>
        from split in Cohort.AllSplits
        let all = cohort.Of(split)
        let lacking = all.Count(patient => Target.Concat(Condition).Except(patient.Kinds).Any())
        where lacking > 0
        select (split, lacking, all.Count);

    /// <summary>It as values over the other experiment.</summary>
    public Assignment[] Sets(Cohort cohort) =>
    [
        .. new (string Key, object? Value)[]
        {
            ("data.cohort", Path.GetFullPath(cohort.Folder)), ("data.normalization", Normalization(cohort)),
            ("data.height", Grid.Height), ("data.width", Grid.Width), ("data.depth", Grid.Depth), ("data.original_depth", Grid.Slices),
            ("data.slice_step", Grid.Step), ("data.slice_pitch", Files.SlicePitch), ("data.field_of_view", Files.FieldOfView),
            ("target", Target), ("training.batch_size", Batch), ("expect", null),
        }.Select(one => Assignment.By("--like", one.Key, one.Value)),
        .. ReplacesQuantiles ? [Assignment.By("--like", "data.clip_quantiles", null)] : Array.Empty<Assignment>(),
        .. Condition.Count > 0 ? [Assignment.By("--like", "condition.images", Condition)] : Array.Empty<Assignment>(),
    ];

    /// <summary>How intensities are scaled: as the cohort's sheet says, or each volume by its own range.</summary>
    public static string Normalization(Cohort cohort) => cohort.Sheet is null ? "per_volume" : "cohort";

    /// <summary>It as a file.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="id">The experiment's id.</param>
    /// <param name="like">The other experiment's id.</param>
    /// <param name="extends">The path of its file from the new one's.</param>
    public string Text(Cohort cohort, string id, string like, string extends)
    {
        var counts = string.Join(", ", Cohort.AllSplits.Select(split => $"{split} {cohort.Of(split).Count}"));
        var fill = Grid.Depth > Grid.Slices ? "; the last slice again fills up the rest" : "";
        var scaled = cohort.Sheet is null
            ? "each file's smallest intensity becomes 0 and its largest 1"
            : "the ranges that cohort.json names become 0 to 1";
        var quantiles = ReplacesQuantiles ? "\n  clip_quantiles: null # the ranges take their place" : "";
        var condition = Condition.Count == 0 ? "" : $"condition:\n  images: [{string.Join(", ", Condition)}] # what it is generated from\n";
        return FormattableString.Invariant($"""
            # Written by `voxelzoo init {Value(Places.Shown(cohort.Folder))} --like {like}`: {counts} patients of {Files.Shown}.
            #   voxelzoo describe FILE   what it takes; voxelzoo show FILE   where each value comes from; voxelzoo train FILE
            extends: {Value(extends)}
            id: {Value(id)}
            title: {Value($"Like {like}, on {Path.GetFileName(Path.TrimEndingDirectorySeparator(cohort.Folder))}")}

            data:
              cohort: {Value(Path.GetFullPath(cohort.Folder))}
              # what the network sees; files have {Files.Height}×{Files.Width}, and are shrunk by the mean of what falls together
              height: {Grid.Height}
              width: {Grid.Width}
              # slices, divisible as the network's levels need it{fill}
              depth: {Grid.Depth}
              original_depth: {Grid.Slices} # slices of a file, after slice_step
              slice_step: {Grid.Step} # every so many slices are taken
              slice_pitch: {Files.SlicePitch} # mm between neighbouring slices of a file
              field_of_view: {Files.FieldOfView} # mm along rows and columns
              normalization: {Normalization(cohort)} # {scaled}{quantiles}

            # what is learned; the cohort has {string.Join(", ", cohort.Kinds)}
            target: [{string.Join(", ", Target)}]
            {condition}
            training:
              # {Memory}
              batch_size: {Batch}

            # what {like} expects is of its own data
            expect: null

            """).Replace("\n\n\n", "\n\n");
    }

    private static string Value(string text) => YamlWriter.Write(new ScalarNode(new Position(""), text, ScalarKind.Text)).TrimEnd('\n');
}
