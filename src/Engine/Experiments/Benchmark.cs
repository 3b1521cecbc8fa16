namespace VoxelZoo.Engine.Experiments;

/// <summary>How fast an experiment trains on this machine, and what it takes.</summary>
public sealed record Benchmark
{
    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>Where it was computed.</summary>
    public required string Device { get; init; }

    /// <summary>Threads that libtorch computes with on a CPU.</summary>
    public required int Threads { get; init; }

    /// <summary>Training steps that were measured; those before them are not, in which memory is laid out and code is compiled.</summary>
    public required int Steps { get; init; }

    /// <summary>Median of the seconds that a step takes, waiting for its batch included.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>
    /// Median of the CPU seconds that the process spends on a step, all of its threads together; other work changes them less.
    /// </summary>
    public required double StepCpuSeconds { get; init; }

    /// <summary>Samples that are trained on in a second at that speed.</summary>
    public required double SamplesPerSecond { get; init; }

    /// <summary>What training spends its time on.</summary>
    public required BenchmarkShare Share { get; init; }

    /// <summary>Most memory of the process by the end of training, in MiB.</summary>
    public required double PeakMebibytes { get; init; }

    /// <summary>Memory in use on the accelerator after the last step, in MiB, whoever takes it; null on a CPU.</summary>
    public double? DeviceMebibytes { get; init; }

    /// <summary>
    /// Median of the seconds in which the experiment's sampler makes one volume, from noise to voxels; null where none was to be made.
    /// </summary>
    public double? SamplingSeconds { get; init; }

    /// <summary>
    /// Operations of convolutions and linear layers in a second, 10⁹ of them: three times those of a forward pass (arXiv:2001.08361,
    /// section 2.1) by the median step, without its wait for a batch.
    /// </summary>
    public required double Gflops { get; init; }

    /// <summary>Operations in a second of a product of two square matrices in the experiment's precision, 10⁹ of them.</summary>
    public required double MachineGflops { get; init; }
}

/// <summary>Shares of a training's time, which add up to 1: medians of steps, and validation as often as the experiment has it.</summary>
/// <param name="Forward">Noise, conditions, forward pass, loss, and the judgement of gradients.</param>
/// <param name="Backward">Gradients.</param>
/// <param name="Optimizer">Weights and averages.</param>
/// <param name="Data">Waiting for batches, and writing the log.</param>
/// <param name="Validation">Validation with what training generates meanwhile; null where none was reached.</param>
public sealed record BenchmarkShare(double Forward, double Backward, double Optimizer, double Data, double? Validation);
