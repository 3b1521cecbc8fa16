using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// What every verb on experiments and runs needs: the generic host with the parts, the native library, and what experiments are given.
/// </summary>
internal sealed class Session : IDisposable
{
    private readonly IHost _host;

    /// <summary>Builds the host of the command line.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="collective">The processes that do together what it asks for; by default this one alone.</param>
    public Session(ParseResult parse, ICollective? collective = null)
    {
        _host = ProgramHost.Build(parse);
        NativeTorch.Load();
        Context = new ExperimentContext
        {
            Collective = collective ?? SingleProcess.Instance,
            LocalRank = Launcher.Find()?.LocalRank ?? 0,
            Loggers = _host.Services.GetRequiredService<ILoggerFactory>(),
            Clock = _host.Services.GetRequiredService<TimeProvider>(),
            Observer = new ConsoleObserver(parse.GetValue(CommonOptions.Json)),
            Parts = new YamlPartSource(Registry),
            Others = new OtherExperiments(this),
            TryNetwork = NetworkTrial.Try,
            AllowChangedPlugins = parse.GetValue(CommonOptions.AllowChangedPlugin),
        };
    }

    /// <summary>What experiments are given.</summary>
    public ExperimentContext Context { get; }

    /// <summary>The parts.</summary>
    public PartRegistry Registry => _host.Services.GetRequiredService<PartRegistry>();

    /// <summary>Ends the host.</summary>
    public void Dispose() => _host.Dispose();
}
