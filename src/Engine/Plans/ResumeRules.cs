namespace VoxelZoo.Engine.Plans;

/// <summary>
/// What of an experiment may change while a run of it is under way: that which leaves the weights that are trained the same
/// function of the same data.
/// </summary>
public static class ResumeRules
{
    /// <summary>How long and how often; where and how the same step is computed; how the run is judged, and what it is called.</summary>
    private static readonly string[] Free =
    [
        "title", "sampling", "evaluation", "expect", "plugins",
        // what the cohort holds is compared by its hashes
        "data.cohort", "data.latents", "data.workers", "data.cache_megabytes", "data.allow_geometry_mismatch", "data.allow_missing",
        "training.epochs", "training.phases", "training.validate_every", "training.logged_timesteps", "training.checkpoint_every",
        "training.generation", "training.keep_checkpoints", "training.keep_every",
        "training.check_memory", "training.device", "training.gradient_accumulation", "training.gradient_checkpointing", "training.guard",
    ];

    /// <summary>What is taken or made before the first step and kept from then on: a change would not be seen.</summary>
    private static readonly string[] Prepared = ["data.synthesize", "compressor", "condition"];

    /// <summary>Whether a key may change.</summary>
    /// <param name="key">The key with its sections, such as <c>training.epochs</c>.</param>
    /// <param name="trained">Whether the run has a checkpoint; one that has none begins anew, by whatever it is given.</param>
    public static bool MayChange(string key, bool trained) =>
        trained ? Free.Any(free => Holds(free, key)) : !Prepared.Any(kept => Holds(kept, key));

    private static bool Holds(string section, string key) => key == section || key.StartsWith(section + ".", StringComparison.Ordinal);
}
