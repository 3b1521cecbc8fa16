using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// Judges a trained model on volumes it has not seen: its loss, and how near its one-step estimate of the clean volume comes
/// to the real one from several noise levels.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="trained">The model.</param>
/// <param name="volumes">The volumes.</param>
/// <param name="split">The split that they are from.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
public sealed class Evaluator(
    ExperimentPlan plan, TrainedModel trained, CohortDataset volumes, string split, ICollective? collective = null)
{
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;

    /// <summary>Evaluates all volumes.</summary>
    /// <param name="progress">Called with the number of volumes done and in all.</param>
    /// <param name="cancellation">Stops between volumes.</param>
    public EvaluationResult Run(Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        var validation = new Validator(plan, volumes, _collective).Run(trained.Model);
        trained.Model.Train(on: false);
        var estimates = new OneStepEstimates(plan, trained.Model, volumes, volumes.Count);
        _collective.Together(() =>
        {
            foreach (var i in _collective.Share(volumes.Count))
            {
                cancellation.ThrowIfCancellationRequested();
                estimates.Add(i);
                progress?.Invoke(i + 1, volumes.Count);
            }
        });
        estimates.Sum(_collective);

        return new EvaluationResult
        {
            Checkpoint = trained.Checkpoint.Name,
            Weights = trained.Weights,
            WeightsSha256 = trained.Sha256,
            Split = split,
            Volumes = volumes.Count,
            Loss = validation.Loss,
            NullLoss = validation.NullLoss,
            LossMeasure = validation.Measure,
            LossByTimestep = [.. validation.Timesteps.Zip(validation.ByTimestep, (t, loss) => new TimestepLoss(t, loss))],
            Estimates = estimates.Qualities(),
            Reconstructions = estimates.Reconstructions(),
            Regions = estimates.Regions(),
        };
    }
}
