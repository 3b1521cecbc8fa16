using System.CommandLine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary>What the process may take that loads a plugin to look at it.</summary>
/// <param name="seconds">The default of its time.</param>
internal sealed class TrialOptions(int seconds)
{
    private const int Mebibytes = 8192;

    private readonly Option<int> _seconds = new("--time-limit")
    {
        Description = "Seconds that a plugin may compute, or wait",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => seconds,
    };
    private readonly Option<int> _mebibytes = new("--memory-limit")
    {
        Description = "MiB of memory that the process of a plugin may take",
        HelpName = "MIB",
        DefaultValueFactory = _ => Mebibytes,
    };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_seconds, _mebibytes];

    /// <summary>What the command line says.</summary>
    /// <exception cref="UsageException">A limit is none.</exception>
    public PluginTrial Trial(ParseResult parse)
    {
        foreach (var option in new[] { _seconds, _mebibytes })
        {
            if (parse.GetValue(option) < 1)
                throw new UsageException($"{option.Name} is {parse.GetValue(option)}; give at least 1");
        }

        return new PluginTrial(new TrialLimits(parse.GetValue(_seconds), parse.GetValue(_mebibytes)));
    }

    /// <summary>Says which plugin is loaded, before it is: whoever has to end all of this knows then which it was.</summary>
    public static void Tell(string doing, Plugin plugin) => Console.Error.WriteLine($"{doing} `{plugin.Id}` ({Places.Shown(plugin.Path)})");
}
