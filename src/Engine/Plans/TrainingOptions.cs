using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>How a denoiser is trained: the experiment's section <c>training</c>.</summary>
public sealed record TrainingOptions
{
    /// <summary>Passes over the training split. Default 500.</summary>
    [Range(1, 1_000_000)]
    public int Epochs { get; init; } = 500;

    /// <summary>
    /// Volumes in a step. Where several processes train together, they share them evenly: an experiment means the same on any
    /// number of GPUs. Default 1.
    /// </summary>
    [Range(1, 4096)]
    public int BatchSize { get; init; } = 1;

    /// <summary>Peak learning rate of AdamW. Default 1e-4.</summary>
    [Range(1e-12, 1.0)]
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Learning rate at the end of the cosine, and the least on plateaus. Default 1e-6.</summary>
    [Range(0.0, 1.0)]
    public double MinLearningRate { get; init; } = 1e-6;

    /// <summary>How the learning rate moves after the warm-up. Default cosine.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Cosine;

    /// <summary>How it falls with <c>schedule: plateau</c>. Default: halved after ten validations that are no better.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PlateauOptions? Plateau { get; init; }

    /// <summary>Epochs of linear warm-up from a tenth of the learning rate. Default 5.</summary>
    [Range(0, 1_000_000)]
    public int WarmupEpochs { get; init; } = 5;

    /// <summary>What of the difference between prediction and target is made small. Default: its mean square.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DenoiserLoss? Loss { get; init; }

    /// <summary>The network of losses that compare features. Default: none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerceptualOptions? Perceptual { get; init; }

    /// <summary>Decoupled weight decay of AdamW. Default 0.</summary>
    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; }

    /// <summary>Decay β1 of AdamW's first moment. Default 0.9.</summary>
    [Range(0.0, 0.999999)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay β2 of AdamW's second moment. Default 0.999.</summary>
    [Range(0.0, 0.999999)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Largest global L2 norm of the gradient; a larger one is scaled down to it. Default 1.</summary>
    [Range(1e-6, 1e6)]
    public double GradientClipNorm { get; init; } = 1.0;

    /// <summary>What watches over gradients and losses, skips steps and goes back to a checkpoint.</summary>
    public GuardOptions Guard { get; init; } = new();

    /// <summary>Precision of forward passes. Default bfloat16 autocast, as the original trained; use float32 on CPUs.</summary>
    public Precision Precision { get; init; } = Precision.Bfloat16;

    /// <summary>
    /// Equal parts into which a step's batch is split, to be computed one after the other: the same step in less memory. Default 1.
    /// </summary>
    [Range(1, 4096)]
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>
    /// Whether the network's blocks are computed again in the backward pass instead of keeping what they computed: less memory
    /// for about a third more time (arXiv:1604.06174). Default false.
    /// </summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Moving average of the weights, which is then what is validated, sampled and evaluated. Default: none.</summary>
    public EmaOptions? Ema { get; init; }

    /// <summary>
    /// Lengths σ of averages that are kept beside the weights, as shares of the training so far (arXiv:2312.02696): of each checkpoint that
    /// stays, so that <c>sampling.ema_length</c> can choose any length afterwards, such as [0.05, 0.1]. Each takes the memory of the
    /// weights once more. Default: none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<double>? EmaLengths { get; init; }

    /// <summary>
    /// Weights of tumours' voxels in the loss by size. Only where voxels themselves are diffused, or moved as <c>space_to_depth</c> does.
    /// Default: none.
    /// </summary>
    public Data.RegionWeights? RegionWeights { get; init; }

    /// <summary>
    /// For structured latents: each step keeps a random number of the latent's leading channels, so that the coarse ones are learned by
    /// themselves too (arXiv:2508.00413, section 3.3). Default false.
    /// </summary>
    public bool AugmentedDiffusion { get; init; }

    /// <summary>Whether training is refused where the estimated memory of its tensors is more than there is. Default true.</summary>
    public bool CheckMemory { get; init; } = true;

    /// <summary>Seed of weights, data order, noise and everything else that is drawn. Default 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>
    /// Where the denoiser's weights start: a run's folder, an experiment's id for its newest run, or a safetensors file of a denoiser. They
    /// are copied into the run. Learning rate, epochs and validation begin anew. Default: fresh weights.
    /// </summary>
    public string? From { get; init; }

    /// <summary>The checkpoint of that run: <c>best</c>, <c>latest</c> or <c>best_generation</c>. Default best.</summary>
    [AllowedValues("best", "latest", "best_generation")]
    public string FromCheckpoint { get; init; } = "best";

    /// <summary>Which weights of it: the moving average where there is one, or those that were trained. Default average.</summary>
    public StartingWeights FromWeights { get; init; } = StartingWeights.Average;

    /// <summary>
    /// Which tensors are taken: <c>strict</c> refuses where one is missing, left over or of another shape; <c>matching</c> takes those of
    /// the same name and shape, lets input channels that are new start at zero, and says of each other one what became of it. Default
    /// strict.
    /// </summary>
    public StartingTensors FromTensors { get; init; } = StartingTensors.Strict;

    /// <summary>Whether the moments of that run's optimiser are taken over too. Default false: they begin at zero.</summary>
    public bool FromOptimizer { get; init; }

    /// <summary>
    /// Parameters of the denoiser that stay as they are, by their names in which <c>*</c> stands for anything:
    /// <c>[down_blocks.*]</c>. Default: none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Freeze { get; init; }

    /// <summary>
    /// Trains a low-rank change of the weights that <see cref="From"/> names, and nothing else of the denoiser.
    /// Default: the denoiser as a whole.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LoraOptions? Lora { get; init; }

    /// <summary>
    /// Where to run: <c>auto</c> takes a GPU if there is one, each of several processes on a machine its own. Default auto.
    /// </summary>
    [AllowedValues("auto", "cpu", "cuda")]
    public string Device { get; init; } = "auto";

    /// <summary>Validation after every so many epochs, and after the last. Default 1.</summary>
    [Range(1, 1_000_000)]
    public int ValidateEvery { get; init; } = 1;

    /// <summary>
    /// Timesteps at which each validation volume's loss is measured: quantiles of the law that training draws from, at the centres of as
    /// many equal shares. Default 10.
    /// </summary>
    [Range(1, 1000)]
    public int ValidationTimesteps { get; init; } = 10;

    /// <summary>
    /// Evenly spread timesteps at which the loss is measured besides, for the log; they decide nothing, and 0 spares the time. Default: as
    /// many as validation_timesteps.
    /// </summary>
    [Range(0, 1000)]
    public int? LoggedTimesteps { get; init; }

    /// <summary>Checkpoint after every so many epochs, and after the last. Default 1.</summary>
    [Range(1, 1_000_000)]
    public int CheckpointEvery { get; init; } = 1;

    /// <summary>How many of the latest checkpoints are kept; the best one is kept besides. Default 2.</summary>
    [Range(1, 1000)]
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>A checkpoint after every so many epochs is written and kept for good. Default: none.</summary>
    [Range(1, 1_000_000)]
    public int? KeepEvery { get; init; }
}

/// <summary>Shapes of the learning rate after the warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>Half a cosine from the learning rate to the minimum.</summary>
    Cosine,

    /// <summary>Stays at the learning rate.</summary>
    Constant,

    /// <summary>Falls where the validation loss gets no better: <see cref="PlateauOptions"/>.</summary>
    Plateau,
}

/// <summary>
/// How the learning rate falls with <c>schedule: plateau</c>: <c>training.plateau</c>. It falls no further than <c>min_learning_rate</c>.
/// </summary>
public sealed record PlateauOptions
{
    /// <summary>What it is multiplied by. Default 0.5, as in the original.</summary>
    [Range(1e-3, 0.999)]
    public double Factor { get; init; } = 0.5;

    /// <summary>
    /// Validations in a row without a loss that is 0.01 % below the best, after which the next such one lets it fall. Default 10.
    /// </summary>
    [Range(0, 1_000_000)]
    public int Patience { get; init; } = 10;
}

/// <summary>Weights of another run that training starts from.</summary>
public enum StartingWeights
{
    /// <summary>The moving average where there is one.</summary>
    Average,

    /// <summary>Those that the optimiser moved.</summary>
    Raw,

    /// <summary>
    /// Both: training goes on from those that the optimiser moved, and the moving average here from theirs, as if it had not stopped.
    /// </summary>
    Both,
}

/// <summary>Which of other weights a training takes.</summary>
public enum StartingTensors
{
    /// <summary>All of them, and all that there are.</summary>
    Strict,

    /// <summary>Those that fit.</summary>
    Matching,
}

/// <summary>What of the difference d between a denoiser's prediction and its target is made small, of each sample.</summary>
public enum DenoiserLoss
{
    /// <summary>The mean of d².</summary>
    Mse,

    /// <summary>The mean of |d|.</summary>
    L1,

    /// <summary>
    /// <c>√(mean of d² + c²) − c</c> with c = 0.00054 (arXiv:2310.14189, section 3.3, over the root of the number of voxels): a sample that
    /// is far off pulls no harder than the others.
    /// </summary>
    Huber,

    /// <summary>
    /// That of <see cref="Huber"/>, weighed by 1 − τ, and the distance of features between the clean volume and its estimate (LPIPS-Huber,
    /// arXiv:2405.20320), by the network of <c>perceptual</c>. Validation measures the first of the two alone.
    /// </summary>
    LpipsHuber,
}

/// <summary>The moving average of the weights: <c>training.ema</c>.</summary>
public sealed record EmaOptions
{
    /// <summary>Largest decay β. Default 0.9999.</summary>
    [Range(0.0, 0.9999999)]
    public double Decay { get; init; } = 0.9999;

    /// <summary>Steps for which the average just copies the weights. Default 100.</summary>
    [Range(0, 1_000_000_000)]
    public int UpdateAfter { get; init; } = 100;

    /// <summary>Steps between updates. Default 10.</summary>
    [Range(1, 1_000_000)]
    public int UpdateEvery { get; init; } = 10;
}

/// <summary>What watches over gradients and losses: <c>training.guard</c>.</summary>
public sealed record GuardOptions
{
    /// <summary>Whether anything is watched. Where not, the first loss or gradient that is not finite ends the run. Default true.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>A gradient whose norm is so many times the usual one is a spike, and its step is skipped. Default 10.</summary>
    [Range(1.5, 1e6)]
    public double SpikeFactor { get; init; } = 10;

    /// <summary>Steps that only show what norm is usual, before any is a spike. Default 100.</summary>
    [Range(1, 1_000_000)]
    public int WarmupSteps { get; init; } = 100;

    /// <summary>
    /// Spikes that are skipped, with fewer steps than this between two of them; the next one is taken, and the median of as many last norms
    /// is the new usual one. Default 20.
    /// </summary>
    [Range(1, 1000)]
    public int MaxSkips { get; init; } = 20;

    /// <summary>After so many losses or gradients in a row that are not finite, training goes back to a checkpoint. Default 10.</summary>
    [Range(1, 1000)]
    public int MaxNonfinite { get; init; } = 10;

    /// <summary>Where more than this part of the last 500 steps was skipped, training goes back to a checkpoint. Default 0.05.</summary>
    [Range(0.002, 1.0)]
    public double MaxSkipShare { get; init; } = 0.05;

    /// <summary>Epochs that a collapse has to last to be one. Default 10.</summary>
    [Range(2, 1000)]
    public int CollapseWindow { get; init; } = 10;

    /// <summary>
    /// A training loss that stays at more than so many times the best one has collapsed; where it does not settle, at
    /// more than the square. Default 3.
    /// </summary>
    [Range(1.1, 1e6)]
    public double CollapseFactor { get; init; } = 3;

    /// <summary>How often training goes back to a checkpoint before the run is given up as diverged. Default 2.</summary>
    [Range(0, 100)]
    public int MaxRollbacks { get; init; } = 2;

    /// <summary>What the learning rate is multiplied by each time. Default 0.5.</summary>
    [Range(1e-3, 1.0)]
    public double RollbackLearningRate { get; init; } = 0.5;
}
