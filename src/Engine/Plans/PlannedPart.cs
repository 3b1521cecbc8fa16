using VoxelZoo.Abstractions;

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
    /// <summary>Calls into the part with its options, and says whose fault it is when that fails.</summary>
    /// <exception cref="PlanRefusedException">The part refuses its options or the shapes.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    internal TResult Call<TResult>(Func<TPart, object, TResult> call)
    {
        try
        {
            return call(Part, Options);
        }
        catch (PlanException e)
        {
            throw new PlanRefusedException(Section, e.Key, e.Message);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new PartFailedException($"`{Id}` of the plugin {Source.Plugin} {Source.Version} failed: {e.Message}", e);
        }
    }
}

/// <summary>The plugin that a part was loaded from.</summary>
/// <param name="Plugin">The plugin's id, or the host's for a built-in part.</param>
/// <param name="Version">Its version.</param>
/// <param name="Assembly">Path of the assembly.</param>
public sealed record PartSource(string Plugin, string Version, string Assembly);

/// <summary>The code of a part threw; the message names its plugin.</summary>
/// <param name="message">One sentence.</param>
/// <param name="cause">What it threw.</param>
public sealed class PartFailedException(string message, Exception cause) : Exception(message, cause);
