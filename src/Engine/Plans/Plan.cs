using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Plans;

/// <summary>What the plans of all experiments have in common: data, target, training.</summary>
public abstract record Plan
{
    /// <summary>Short name, also the default name of its run folders.</summary>
    public required string Id { get; init; }

    /// <summary>One line for people.</summary>
    public string Title { get; init; } = "";

    /// <summary>Where the volumes are and how they are prepared.</summary>
    public required DataOptions Data { get; init; }

    /// <summary>Kinds of images that are learned.</summary>
    public required IReadOnlyList<string> Target { get; init; }

    /// <summary>How it is trained.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>What must hold of it.</summary>
    public ExpectOptions Expect { get; init; } = new();

    /// <summary>What it is judged by.</summary>
    public IReadOnlyList<PlannedPart<IMetric>> Metrics { get; init; } = [];

    /// <summary>Metrics that it asks for where their files are, and whose files are not there.</summary>
    public IReadOnlyList<LeftOutMetric> LeftOut { get; init; } = [];

    /// <summary>One of the volumes that metrics compare: a volume of the target without padding.</summary>
    public abstract VolumeShape Compared { get; }

    /// <summary>Kinds of images that have to be read.</summary>
    public virtual IReadOnlyList<string> Kinds => Target;

    /// <summary>Where its parts come from; one that several use is named several times.</summary>
    public abstract IReadOnlyList<PartSource> Sources { get; }

    /// <summary>Files that it reads besides its cohort, such as networks.</summary>
    public virtual IReadOnlyList<string> Files => [.. Metrics.SelectMany(NetworksOf)];

    /// <summary>Files of networks that a metric reads.</summary>
    private protected static IReadOnlyList<string> NetworksOf(PlannedPart<IMetric> metric) =>
        metric.Given("Networks", (part, options) => part.Networks(options));

    /// <summary>Refuses a target that names no image, one that there is not, or one twice.</summary>
    protected void ValidateTarget()
    {
        if (Target.Count == 0)
            throw new PlanException("target names no image kind; name at least one, such as bravo").In("target");
        ValidateKinds("target", null, Target);
    }

    /// <summary>
    /// Refuses kinds of images that there are not, and one that is named twice. A cohort has its own, and is asked when it is opened; where
    /// none is named, or one is made, the kinds are those of the original.
    /// </summary>
    protected void ValidateKinds(string section, string? key, IReadOnlyList<string> kinds)
    {
        if (kinds.FirstOrDefault(kind => !ImageKinds.IsName(kind)) is { } misnamed)
            throw new PlanException($"there is no image kind '{misnamed}': {ImageKinds.Rule}", key).In(section);
        if (Data.Cohort.Length == 0 && kinds.Except(ImageKinds.Original).FirstOrDefault() is { } unknown)
        {
            var near = Spelling.Suggestion(unknown, ImageKinds.Original);
            var other = near.Length > 0 || Data.Synthesize is not null ? near : "; name the cohort that has it with data.cohort";
            throw new PlanException(
                $"there is no image kind '{unknown}'; the kinds are {string.Join(", ", ImageKinds.Original)}{other}", key).In(section);
        }

        if (kinds.GroupBy(kind => kind).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new PlanException($"{twice.Key} is named twice; name each image kind once", key).In(section);
    }

    /// <summary>Refuses a cohort of which no patient has an image that is wanted.</summary>
    /// <exception cref="PlanException">It is so; the nearest of the cohort's own kinds is named.</exception>
    internal virtual void RequireKinds(Cohort cohort)
    {
        try
        {
            cohort.RequireKinds(Target, null);
        }
        catch (PlanException e)
        {
            throw e.In("target");
        }
    }

    /// <summary>Refuses what contradicts itself in the section <c>data</c>.</summary>
    protected void ValidateData()
    {
        try
        {
            Data.Validate(Kinds);
            if (Data.ClipQuantiles is not null && Kinds.All(ImageKinds.IsMask))
                throw new PlanException(
                    "clip_quantiles are of intensities, and this reads only masks, which have none; remove it", "clip_quantiles");
        }
        catch (PlanException e)
        {
            throw e.In("data");
        }
    }
}
