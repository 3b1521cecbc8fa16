using Spectre.Console;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Displays;

/// <summary>Says how experiments go: sentences on standard output, warnings on standard error, bars on a terminal.</summary>
/// <param name="json">Whether standard output is for JSON alone.</param>
internal sealed class ConsoleObserver(bool json) : ExperimentObserver
{
    private const int MostFindings = 10;

    /// <summary>Says on stderr what the user should know.</summary>
    public static void Warn(string sentence) => Console.Error.WriteLine($"warning: {Places.Shorten(sentence)}");

    /// <inheritdoc/>
    public override void Warned(string sentence) => Warn(sentence);

    /// <inheritdoc/>
    public override void Told(string sentence) => Output.Line(Places.Shorten(sentence), json);

    /// <inheritdoc/>
    public override void Started(StartRecord start)
    {
        if (!json)
            Output.Write(StartTable.Of(start));
    }

    /// <inheritdoc/>
    public override void Found(IReadOnlyList<CohortFinding> findings, Cohort cohort)
    {
        if (Launcher.Find() is { Rank: > 0 })
            return; // the first of several processes says it for all
        base.Found([.. findings.Take(MostFindings)], cohort);
        if (findings.Count > MostFindings)
            Warn(
                $"and {findings.Count - MostFindings} more {(findings.Count == MostFindings + 1 ? "finding" : "findings")}; "
                + "`data check` lists all, and so does a run's provenance.json");
    }

    /// <inheritdoc/>
    public override TrainingObserver Training(Plan plan) => TrainingDisplay.ForConsole(plan);

    /// <inheritdoc/>
    public override T Encoding<T>(string compressor, Func<Action<int, int>, T> work)
    {
        if (!Output.IsWatched)
        {
            var encoded = 0;
            var result = work((done, _) => encoded = done);
            if (encoded > 0)
                Told($"{encoded} volumes encoded by {compressor}");
            return result;
        }

        T prepared = default!;
        AnsiConsole.Progress().AutoClear(true).Start(context =>
        {
            var bar = context.AddTask("encoding");
            prepared = work((done, total) =>
            {
                bar.MaxValue = total;
                bar.Value = done;
            });
        });
        return prepared;
    }

    /// <inheritdoc/>
    public override T Sampling<T>(ExperimentPlan plan, Func<Action<int, SamplerStep>, T> work)
    {
        if (!Output.IsWatched)
            return work((_, _) => { });
        T result = default!;
        // the work stays on this thread, to which tensors' dispose scopes belong
        AnsiConsole.Progress().Start(context =>
        {
            var task = context.AddTask("sampling", maxValue: plan.Sampling.Count);
            result = work((volume, step) =>
            {
                task.Value = volume + (step.Total is { } total ? (double)step.Done / total : 0);
                task.Description = $"volume {volume + 1}/{plan.Sampling.Count}  step {step.Done}";
            });
        });
        return result;
    }
}
