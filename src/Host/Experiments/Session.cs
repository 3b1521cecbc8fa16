using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Experiments;

/// <summary>What every verb on experiments and runs needs: the generic host with the parts, the native library, the device.</summary>
internal sealed class Session : IDisposable
{
    private readonly IHost _host;

    /// <summary>Builds the host of the command line.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="collective">The processes that do together what it asks for; by default this one alone.</param>
    public Session(ParseResult parse, ICollective? collective = null)
    {
        Collective = collective ?? SingleProcess.Instance;
        _host = ProgramHost.Build(parse);
        NativeTorch.Load();
    }

    /// <summary>The processes that do the work together.</summary>
    public ICollective Collective { get; }

    /// <summary>Whether a run may go on with other data than it recorded.</summary>
    public bool AllowsChangedData { get; init; }

    /// <summary>The parts.</summary>
    public PartRegistry Registry => _host.Services.GetRequiredService<PartRegistry>();

    /// <summary>The random streams of a plan's run; the caller disposes them.</summary>
    public RandomStreams Random(Plan plan) => new(plan.Training.Seed);

    /// <summary>What a plan's parts are given.</summary>
    public PartContext Context(Plan plan, RandomStreams random) => new(
        Device(plan.Training.Device),
        plan.Training.Precision,
        _host.Services.GetRequiredService<ILoggerFactory>().CreateLogger(plan.Id),
        _host.Services.GetRequiredService<TimeProvider>(),
        random);

    private static torch.Device Device(string name)
    {
        var cuda = name != "cpu" && torch.cuda.is_available();
        if (name == "cuda" && !cuda)
            throw new UsageException("training.device is cuda, but libtorch finds no GPU; use device: cpu, or see docs/libtorch.md for a libtorch with CUDA");
        if (!cuda)
            return torch.CPU;
        // each of several processes on a machine has a GPU of its own, as far as there are any
        return Launcher.Find() is { } launcher ? new torch.Device(DeviceType.CUDA, launcher.LocalRank % torch.cuda.device_count()) : torch.CUDA;
    }

    /// <summary>Ends the host.</summary>
    public void Dispose() => _host.Dispose();
}
