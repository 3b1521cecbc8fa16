using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Builds the generic host with the services that verbs need. Verbs that only list do without it.</summary>
internal static class ProgramHost
{
    /// <summary>The host, to be disposed by the verb.</summary>
    public static IHost Build(ParseResult parse)
    {
        if (ProcessLimits.ShortageToCompute() is { } shortage)
            throw new UsageException(shortage);
        // before anything of torch is touched: its own search would fail, and stay failed
        if (NativeTorch.Load().Warning is { } warning)
            Console.Error.WriteLine($"warning: {warning}");
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Logging
            .SetMinimumLevel(parse.GetValue(CommonOptions.Verbose) ? LogLevel.Debug : LogLevel.Warning)
            .AddSimpleConsole(c =>
            {
                c.SingleLine = true;
                c.ColorBehavior = Output.IsPlain
                    ? Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled
                    : Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Default;
            });
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
            c => c.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton(Catalogue(parse))
            .AddSingleton<IPart, IdentityCompressor>()
            .AddSingleton(s => new PartRegistry(s.GetRequiredService<PluginCatalogue>(), s.GetServices<IPart>(), Warn));
        return builder.Build();
    }

    /// <summary>The catalogue of the program's plugins and of those that environment and command line name.</summary>
    public static PluginCatalogue Catalogue(ParseResult parse) => PluginCatalogue.Find(parse.GetValue(CommonOptions.Plugins) ?? []);

    private static void Warn(string sentence)
    {
        if (Launcher.Find() is not { Rank: > 0 }) // the first of several processes says it for all
            ConsoleObserver.Warn(sentence);
    }

    /// <summary>What a part is given where there is no run: the CPU, float32, seed 0.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="random">The streams.</param>
    /// <param name="plugin">The id of the part's plugin.</param>
    /// <param name="folder">The plugin's folder, or null for a part of the host's own.</param>
    public static PartContext Context(this IServiceProvider services, RandomStreams random, string plugin, string? folder)
    {
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(plugin);
        var clock = services.GetRequiredService<TimeProvider>();
        return new(TorchSharp.torch.CPU, Precision.Float32, logger, clock, random) { PluginFolder = folder };
    }

    /// <inheritdoc cref="Context(IServiceProvider, RandomStreams, string, string?)"/>
    public static PartContext Context<T>(this IServiceProvider services, RandomStreams random, Part<T> part)
        where T : class, IPart => services.Context(random, part.Plugin, part.Path);
}
