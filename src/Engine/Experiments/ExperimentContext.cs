using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// What experiments are given by the program that uses them. All of it has a default, by which one process works by itself and says
/// nothing.
/// </summary>
public sealed record ExperimentContext
{
    /// <summary>The processes that do the work together. Default: this one alone.</summary>
    public ICollective Collective { get; init; } = SingleProcess.Instance;

    /// <summary>
    /// Which of the processes of this machine this one is, from 0: each has a GPU of its own, as far as there are any. Default 0.
    /// </summary>
    public int LocalRank { get; init; }

    /// <summary>Makes the logs of parts. Default: none.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Says what time it is. Default: the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Is told how it goes. Default: nobody.</summary>
    public ExperimentObserver Observer { get; init; } = new();

    /// <summary>Gives the parts that a use case takes beside those of its plan. Default: none are known.</summary>
    public IPartSource Parts { get; init; } = new NoParts();

    /// <summary>Knows the experiments of other runs, whose weights one may use. Default: none are known.</summary>
    public IOtherExperiments Others { get; init; } = new NoOtherExperiments();

    /// <summary>Whether a run may be gone on with by other versions or builds of its plugins than it recorded. Default: no.</summary>
    public bool AllowChangedPlugins { get; init; }

    /// <summary>
    /// Says why a TorchScript file cannot be used, or null where it can; it is given rows and columns of a slice to show to the network, or
    /// none. libtorch ends the process that meets a file whose code it cannot compile, so that a program may want to try it in another one.
    /// Default: nothing is tried.
    /// </summary>
    public Func<string, int[], string?> TryNetwork { get; init; } = (_, _) => null;

    /// <summary>The random streams of a plan's run; the caller disposes them.</summary>
    internal static RandomStreams Random(Plan plan) => new(plan.Training.Seed);

    /// <summary>What a plan's parts are given.</summary>
    /// <exception cref="PlanException">The plan names a device that is not there.</exception>
    internal PartContext PartsOf(Plan plan, RandomStreams random) =>
        new(Device(plan.Training.Device), plan.Training.Precision, Loggers.CreateLogger(plan.Id), Clock, random);

    private torch.Device Device(string name)
    {
        var cuda = name != "cpu" && torch.cuda.is_available();
        if (name == "cuda" && !cuda)
            throw new PlanException(
                "training.device is cuda, but libtorch finds no GPU; use device: cpu, or see docs/libtorch.md for a libtorch with CUDA");
        return cuda ? new torch.Device(DeviceType.CUDA, LocalRank % torch.cuda.device_count()) : torch.CPU;
    }
}
