using System.Reflection;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Plans;

/// <summary>A part that an experiment uses, with its options.</summary>
/// <typeparam name="TPart">The kind's interface.</typeparam>
/// <param name="Section">The experiment's section that names it, such as <c>architecture</c>.</param>
/// <param name="Id">What <c>use:</c> named.</param>
/// <param name="Part">The part.</param>
/// <param name="Options">The bound options, of the part's <see cref="IPart.OptionsType"/>.</param>
/// <param name="Source">Where it comes from.</param>
public sealed record PlannedPart<TPart>(string Section, string Id, TPart Part, object Options, PartSource Source)
    where TPart : class, IPart
{
    /// <summary>
    /// The options as the experiment gives them, before the part completed them from the shapes; null where they are <see cref="Options"/>.
    /// </summary>
    public object? Bound { get; init; }

    /// <summary>
    /// The keys of its options that the experiment writes, with those of sections within: <c>attention.heads</c>. The
    /// others have their defaults.
    /// </summary>
    public IReadOnlyList<string> Written { get; init; } = [];

    /// <summary>The preset that fills the options which the experiment does not write, or null.</summary>
    public string? Preset { get; init; }

    /// <summary>Calls into the part with its options, and says whose fault it is when that fails.</summary>
    /// <exception cref="PlanException">The part refuses its options or the shapes.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    internal TResult Call<TResult>(Func<TPart, object, TResult> call)
    {
        try
        {
            return call(Part, Options);
        }
        catch (PlanException e)
        {
            throw e.In(Section);
        }
        catch (Exception e) when (IsOwnFault(e))
        {
            throw Failed(e);
        }
    }

    /// <summary>The same where the part is given something: of its plugin's folder, too.</summary>
    /// <exception cref="PlanException">The part refuses its options or the shapes.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    internal TResult Call<TResult>(PartContext context, Func<TPart, object, PartContext, TResult> call) =>
        Call((part, options) => call(part, options, context with { PluginFolder = Source.Folder }));

    /// <summary>Has the part make that for which it is there.</summary>
    /// <exception cref="PlanException">The part refuses its options or the shapes, or makes nothing.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    internal TMade Create<TMade>(PartContext context, Func<TPart, object, PartContext, TMade?> create)
        where TMade : class =>
        Call(context, create) ?? throw this.Unfit("gives null as Create");

    /// <summary>Has the part build a module, whose tensors are the module's own from then on, whatever dispose scope is open.</summary>
    /// <exception cref="PlanException">The part refuses its options or the shapes.</exception>
    /// <exception cref="PartFailedException">The part's code failed, or has freed a tensor of the module.</exception>
    internal TModule Build<TModule>(PartContext context, Func<TPart, object, PartContext, TModule> create)
        where TModule : TorchSharp.torch.nn.Module =>
        Create(context, (part, options, given) => create(part, options, given) is { } module ? ModuleTensors.Keep(module) : null);

    /// <summary>Runs code of what the part made, such as a forward pass, and says whose fault it is when that fails.</summary>
    /// <exception cref="PlanException">The part refuses, at work and so of no section's fault.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    internal TResult Run<TResult>(Func<TResult> code)
    {
        try
        {
            return code();
        }
        catch (Exception e) when (IsOwnFault(e))
        {
            throw Failed(e);
        }
    }

    /// <summary>Whether it is the part's, and neither a refusal nor what the engine, or another part within, has said already.</summary>
    private static bool IsOwnFault(Exception e) =>
        e is not (PlanException or OperationCanceledException) && e.GetType().Assembly != typeof(PartFailedException).Assembly;

    private PartFailedException Failed(Exception e) =>
        new($"`{Id}` of the plugin {Source.Plugin} {Source.Version} failed: {Thrown.Cause(e)}", e);
}

/// <summary>The plugin that a part was loaded from.</summary>
/// <param name="Plugin">The plugin's id, or the host's for a built-in part.</param>
/// <param name="Version">Its version.</param>
/// <param name="Assembly">Path of the assembly.</param>
public sealed record PartSource(string Plugin, string Version, string Assembly)
{
    /// <summary>The folder that is the plugin and nothing else; null for a part that a program has at hand.</summary>
    public string? Folder { get; init; }

    /// <summary>Whether the part is the engine's own, which comes with every program and is no plugin's.</summary>
    internal bool IsOwn => Assembly == typeof(PartSource).Assembly.Location;
}

/// <summary>The code of a part threw; the message names its plugin.</summary>
/// <param name="message">One sentence.</param>
/// <param name="cause">What it threw.</param>
public sealed class PartFailedException(string message, Exception cause) : Exception(message, cause);

/// <summary>Plans parts that a program has at hand, without a plugin and its manifest.</summary>
public static class PlannedPart
{
    /// <summary>A part with its options.</summary>
    /// <typeparam name="TPart">The kind's interface, such as <see cref="IArchitecture"/>.</typeparam>
    /// <param name="part">The part; its id is that of its attribute.</param>
    /// <param name="options">Options of its <see cref="IPart.OptionsType"/>. Default: their defaults.</param>
    /// <exception cref="ArgumentException">The part has no attribute of its kind, or the options are another part's.</exception>
    public static PlannedPart<TPart> Of<TPart>(TPart part, object? options = null)
        where TPart : class, IPart
    {
        var type = part.GetType();
        var mark = type.GetCustomAttribute<PartAttribute>()
            ?? throw new ArgumentException($"{type} has no attribute such as [Architecture(\"id\")]", nameof(part));
        if (options is not null && !part.OptionsType.IsInstanceOfType(options))
            throw new ArgumentException($"{type} has options of {part.OptionsType}, not of {options.GetType()}", nameof(options));
        var assembly = type.Assembly.GetName();
        return new PlannedPart<TPart>(
            Section(mark.Kind), mark.Id, part, options ?? Activator.CreateInstance(part.OptionsType)!,
            new PartSource(assembly.Name!, assembly.Version!.ToString(3), type.Assembly.Location));
    }

    private static string Section(PartKind kind) => kind switch
    {
        PartKind.Sampler => "sampling",
        PartKind.Metric => "evaluation",
        PartKind.Augmentation => "augmentations",
        _ => kind.ToString().ToLowerInvariant(),
    };
}
