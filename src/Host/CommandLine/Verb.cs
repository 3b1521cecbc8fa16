using System.CommandLine;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Host.Cluster;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// A verb of the command line. Verbs run on the caller's thread from beginning to end, because tensors' dispose scopes belong
/// to a thread.
/// </summary>
internal abstract class Verb : Command
{
    protected Verb(string name, string description)
        : base(name, description) =>
        SetAction((parse, cancellation) => Task.FromResult((int)Start(parse, cancellation)));

    /// <summary>
    /// Whether the verb heeds the stop that the first signal asks for, and ends in order. Any other verb has nothing to save: a
    /// signal ends the process at once.
    /// </summary>
    public virtual bool StopsInOrder => false;

    /// <summary>Whether all that it does is in files, so that nothing is lost where standard output takes nothing.</summary>
    public virtual bool LeavesFiles => false;

    /// <summary>Whether processes that were started together do it together. Any other verb is done by each of them for itself.</summary>
    public virtual bool RunsTogether => false;

    /// <summary>The processes that do it together.</summary>
    public ICollective Collective { get; private set; } = SingleProcess.Instance;

    private ExitCode Start(ParseResult parse, CancellationToken cancellation)
    {
        if (RunsTogether && Launcher.Find() is { } launcher)
            Collective = launcher.Join();
        var code = Run(parse, cancellation);
        Collective.Dispose(); // not where it threw: the others may be anywhere
        return code;
    }

    /// <summary>Does it. Exceptions become exit codes in <see cref="Application"/>.</summary>
    protected abstract ExitCode Run(ParseResult parse, CancellationToken cancellation);

    /// <summary>Adds an option and returns it.</summary>
    protected Option<T> With<T>(Option<T> option)
    {
        Options.Add(option);
        return option;
    }

    /// <summary>Adds an argument and returns it.</summary>
    protected Argument<T> With<T>(Argument<T> argument)
    {
        Arguments.Add(argument);
        return argument;
    }
}
