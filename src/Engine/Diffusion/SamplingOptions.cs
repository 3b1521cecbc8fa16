using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// How volumes are generated: the experiment's section <c>sampling</c>, less the keys of the sampler that <c>use:</c> names.
/// </summary>
public sealed record SamplingOptions
{
    private const int MostTumours = 10; // the largest number that is embedded

    /// <summary>Volumes to generate. Default 4.</summary>
    [Range(1, 1_000_000)]
    public int Count { get; init; } = 4;

    /// <summary>
    /// Strength w of classifier-free guidance, <c>u + w·(c − u)</c>; 1 is none. Larger values need a condition that was
    /// dropped in training. Default 1.
    /// </summary>
    [Range(1.0, 100.0)]
    public double Guidance { get; init; } = 1;

    /// <summary>
    /// φ, how far a guided prediction is brought back to the standard deviation of the one with the condition, which guidance enlarges
    /// (arXiv:2305.08891): 0, the default, leaves it, 1 brings it back wholly.
    /// </summary>
    [Range(0.0, 1.0)]
    public double GuidanceRescale { get; init; }

    /// <summary>
    /// The noise levels τ from <c>low</c> to <c>high</c>, both included, at which predictions are guided (arXiv:2404.07724); at others the
    /// network is called once. Default: at all.
    /// </summary>
    public IReadOnlyList<double>? GuidanceInterval { get; init; }

    /// <summary>
    /// w at τ = 0: guidance goes there from <see cref="Guidance"/>, which is then that at τ = 1. Where it is 1 on the way, the network is
    /// called once. Default: the same at all noise levels.
    /// </summary>
    [Range(1.0, 100.0)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? GuidanceEnd { get; init; }

    /// <summary>How w goes from one to the other. Default: linearly in τ. Only with <c>guidance_end</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GuidanceSchedule? GuidanceSchedule { get; init; }

    /// <summary>
    /// CFG-Zero* (arXiv:2503.18886): <c>s·u + w·(c − s·u)</c> with <c>s = ⟨c, u⟩/‖u‖²</c> of each sample, by which u is as near to c as it
    /// can be, and steps at the start that stand still. c and u are velocities, whatever the network predicts; of rectified flow. Default
    /// false.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool GuidanceZero { get; init; }

    /// <summary>
    /// Steps at the start that stand still with <c>guidance_zero</c>, without a network call. Default 1, as in the paper; 0 is none.
    /// </summary>
    [Range(0, 1000)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? GuidanceZeroInit { get; init; }

    /// <summary>
    /// What predictions are guided away from, in place of those without the condition: a run's folder, whose model is weaker, such as a
    /// smaller network's (autoguidance, arXiv:2406.02507). It diffuses in the same space. Needs no condition that was dropped in training.
    /// Default: with <c>guidance_checkpoint</c> the run itself, else none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? GuidanceFrom { get; init; }

    /// <summary>
    /// The checkpoint of that run: <c>best</c>, <c>latest</c>, <c>best_generation</c> or <c>step-XXXXXXXX</c>. Default: the best of
    /// <c>guidance_from</c>.
    /// </summary>
    [RegularExpression(
        "best(_generation)?|latest|step-[0-9]{8,}",
        ErrorMessage = "`{0}` takes `best`, `latest`, `best_generation` or the name of a checkpoint such as step-00001000")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? GuidanceCheckpoint { get; init; }

    /// <summary>
    /// Length σ of the average of the weights that generates, as a share of the training: one that <c>training.ema_lengths</c> kept, or any
    /// other that can be put together from them. Default: the average of <c>training.ema</c>, or the weights themselves.
    /// </summary>
    [Range(0.005, 0.28)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? EmaLength { get; init; }

    /// <summary>
    /// r of the times that are sampled, <c>τ' = rτ / (1 + (r − 1)τ)</c>, on top of the strategy's own (arXiv:2403.03206, section 5.3.2):
    /// above 1 steps crowd towards noise, below 1 towards the data. Training is as it was. For samplers that go along the process's grid.
    /// Default 1.
    /// </summary>
    [Range(1e-3, 1e3)]
    public double TimeShift { get; init; } = 1;

    /// <summary>Seed of the noise; volume i draws from (seed, i). Default 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>
    /// Numbers of tumours in the seven bins of size that every mask is asked for, instead of those of patients; where
    /// <c>condition.size_bins</c> leads them to the denoiser. Default: none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? Bins { get; init; }

    /// <summary>Where the numbers of tumours come from that each mask is asked for. Default: the patients of the split, in turn.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public SizeBinSource BinsFrom { get; init; }

    /// <summary>Split whose conditions are used. Default test.</summary>
    [AllowedValues("train", "val", "test")]
    public string Split { get; init; } = "test";

    /// <summary>Whether predictions are guided away from those of a weaker model.</summary>
    internal bool GuidesByModel => GuidanceFrom is not null || GuidanceCheckpoint is not null;

    /// <summary>The key that names the weaker model.</summary>
    internal string WeakerKey => GuidanceFrom is null ? "guidance_checkpoint" : "guidance_from";

    /// <summary>The largest w on the way; 1 is no guidance.</summary>
    internal double StrongestGuidance => Math.Max(Guidance, GuidanceEnd ?? 1);

    /// <summary>The key that says how many steps stand still: what is not given follows from <c>guidance_zero</c>.</summary>
    internal string RestKey => GuidanceZeroInit is null ? "guidance_zero" : "guidance_zero_init";

    /// <summary>What guidance is beside a strength, its interval and its rescaling; null where it is no more.</summary>
    internal GuidanceLaw? GuidanceLaw => GuidanceEnd is null && !GuidanceZero
        ? null
        : new GuidanceLaw(
            GuidanceEnd,
            GuidanceEnd is null ? null : GuidanceSchedule ?? Diffusion.GuidanceSchedule.Linear,
            GuidanceZero,
            GuidanceZero ? GuidanceZeroInit ?? 1 : 0);

    /// <summary>What guidance is beside its strength, by these keys; null where it is no more.</summary>
    internal JsonObject? GuidanceOptions
    {
        get
        {
            var options = new JsonObject();
            if (GuidanceRescale > 0)
                options["guidance_rescale"] = GuidanceRescale;
            if (GuidanceInterval is { } interval)
                options["guidance_interval"] = new JsonArray([.. interval.Select(tau => JsonValue.Create(tau))]);
            if (GuidanceLaw is { End: { } end } law)
                (options["guidance_end"], options["guidance_schedule"]) = (end, law.Schedule!.Value.ToString().ToLowerInvariant());
            if (GuidanceLaw is { Zero: true, ZeroInit: var still })
                (options["guidance_zero"], options["guidance_zero_init"]) = (true, still);
            return options.Count == 0 ? null : options;
        }
    }

    /// <summary>Refuses guidance that is none, and what would change nothing.</summary>
    /// <exception cref="PlanException">One of them.</exception>
    internal void Validate()
    {
        ValidateBins();
        if (GuidanceInterval is { } interval && !(interval is [>= 0 and var low, <= 1 and var high] && low < high))
            throw Refusal(
                "guidance_interval",
                $"guidance_interval [{string.Join(", ", interval)}] is no interval of τ; "
                + "give the lower and the upper end, such as [0.2, 0.8], from 0 (clean) to 1 (noise)");
        if (GuidanceEnd == Guidance)
            throw Refusal("guidance_end", $"guidance_end {GuidanceEnd} is what guidance is already; give another or remove it");
        if (GuidanceSchedule is { } schedule && GuidanceEnd is null)
            throw Refusal(
                "guidance_schedule",
                $"guidance_schedule {schedule.ToString().ToLowerInvariant()} is the way to guidance_end, which is not given; "
                + "give it or remove the schedule");
        if (GuidanceZeroInit is { } still && !GuidanceZero)
            throw Refusal(
                "guidance_zero_init",
                $"guidance_zero_init {still} is of guidance_zero, which is false; set it to true or remove guidance_zero_init");
        if (GuidanceZero && GuidesByModel)
            throw Refusal("guidance_zero", $"guidance_zero is of predictions without the condition, and {WeakerKey} guides by a "
                + $"weaker model; remove one of the two");
        if (StrongestGuidance > 1)
            RefuseStandingUnguided();
        else
            RefuseWithoutGuidance();
    }

    private void ValidateBins()
    {
        if (Bins is null)
            return;
        var shown = $"[{string.Join(", ", Bins)}]";
        if (BinsFrom != SizeBinSource.Patients)
            throw Refusal(
                "bins",
                $"bins {shown} are the same for every mask, and bins_from: {BinsFrom.ToString().ToLowerInvariant()} draws them; "
                + "remove one of the two");
        if (Bins.Count != TumourSizes.Edges.Count || Bins.Any(count => count is < 0 or > MostTumours))
            throw Refusal(
                "bins",
                $"bins {shown} are no numbers of tumours by size; give {TumourSizes.Edges.Count} from 0 to {MostTumours}, "
                + $"for diameters from {string.Join(", ", TumourSizes.Edges)} mm on");
    }

    /// <summary>Whether masks are asked for numbers of tumours that are not those of the patient whose turn it is.</summary>
    internal bool AsksForBins => Bins is not null || BinsFrom != SizeBinSource.Patients;

    /// <summary>The first steps stand still because predictions that are guided are worst there.</summary>
    private void RefuseStandingUnguided()
    {
        if (GuidanceLaw is not { ZeroInit: > 0 and var still })
            return;
        var cause = Guidance == 1 ? "guidance: 1"
            : GuidanceInterval is [_, < 1] ? $"guidance_interval [{string.Join(", ", GuidanceInterval)}]"
            : null;
        if (cause is not null)
            throw Refusal(
                RestKey,
                $"guidance_zero_init {still} lets the first steps, at τ = 1, stand still, but {cause} does not guide there; "
                + "use guidance_zero_init: 0 or guide from τ = 1 on");
    }

    private void RefuseWithoutGuidance()
    {
        if (GuidanceRescale > 0)
            throw Refusal(
                "guidance_rescale",
                $"guidance_rescale {GuidanceRescale} changes guided predictions, and guidance: 1 is none; raise guidance or remove it");
        if (GuidanceInterval is not null)
            throw Refusal(
                "guidance_interval",
                $"guidance_interval [{string.Join(", ", GuidanceInterval)}] says where to guide, and guidance: 1 is none; "
                + "raise guidance or remove it");
        if (GuidanceZero)
            throw Refusal(
                "guidance_zero", "guidance_zero changes guided predictions, and guidance: 1 is none; raise guidance or remove it");
    }

    private static PlanException Refusal(string key, string sentence) => new PlanException(sentence, key).In("sampling");
}

/// <summary>Where the numbers of tumours by size come from that masks are asked for.</summary>
public enum SizeBinSource
{
    /// <summary>The patients of the split, in turn.</summary>
    Patients,

    /// <summary>Drawn by the law of the training split's masks: a number of tumours, and a size for each.</summary>
    Law,
}

/// <summary>How the strength of guidance goes from its value at τ = 1 to that at τ = 0.</summary>
public enum GuidanceSchedule
{
    /// <summary><c>w(τ) = end + (w − end)·τ</c>.</summary>
    Linear,

    /// <summary><c>w(τ) = end + (w − end)·(1 − cos πτ)/2</c>: slow at both ends.</summary>
    Cosine,
}

/// <summary>What guidance is beside a strength, its interval and its rescaling.</summary>
/// <param name="End">w at τ = 0, or null where it is the same at all noise levels.</param>
/// <param name="Schedule">How it goes there.</param>
/// <param name="Zero">Whether predictions without the condition are scaled as CFG-Zero* does.</param>
/// <param name="ZeroInit">Steps at the start that stand still.</param>
public sealed record GuidanceLaw(double? End, GuidanceSchedule? Schedule, bool Zero, int ZeroInit)
{
    /// <inheritdoc/>
    public override string ToString() => string.Join(
        ", ",
        new[]
        {
            End is { } end ? FormattableString.Invariant($"to {end} at τ = 0 ({Schedule.ToString()!.ToLowerInvariant()})") : null,
            Zero ? $"CFG-Zero* with {ZeroInit} steps at rest" : null,
        }
            .OfType<string>());
}
