using Spectre.Console;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Experiments;

/// <summary>Computes latents and their statistics before training, where a plan needs them.</summary>
internal static class LatentStep
{
    /// <inheritdoc cref="LatentCache.Prepare"/>
    public static (IBatchSource Training, IBatchSource? Validation) Prepare(
        ExperimentPlan plan, string folder, FrozenParts frozen, Cohort cohort, CohortDataset training, CohortDataset? validation, PartContext context, CancellationToken stop)
    {
        var cache = new LatentCache(folder, plan.Space, context, frozen);
        if (!Output.IsWatched)
        {
            var encoded = 0;
            var result = cache.Prepare(cohort, training, validation, (done, _) => encoded = done, stop, EvaluationStep.Warn);
            if (encoded > 0)
                Console.WriteLine($"{encoded} volumes encoded by {plan.Compressor.Id}");
            return result;
        }

        (IBatchSource, IBatchSource?) prepared = default;
        AnsiConsole.Progress().AutoClear(true).Start(context =>
        {
            var bar = context.AddTask("encoding");
            prepared = cache.Prepare(
                cohort,
                training,
                validation,
                (done, total) =>
                {
                    bar.MaxValue = total;
                    bar.Value = done;
                },
                stop,
                EvaluationStep.Warn);
        });
        return prepared;
    }
}
