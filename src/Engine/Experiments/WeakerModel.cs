using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// The weaker model that predictions are guided away from (autoguidance, arXiv:2406.02507): an earlier checkpoint of the run itself, or
/// another run, such as that of a smaller network. It has to diffuse in the same space.
/// </summary>
/// <param name="experiment">The experiment that is sampled.</param>
/// <param name="sampling">How; it names the weaker model.</param>
internal sealed class WeakerModel(DiffusionExperiment experiment, SamplingOptions sampling)
{
    private readonly ExperimentContext _context = experiment.Context;

    private ExperimentPlan Plan => experiment.Plan;

    /// <summary>Loads what sampling names beside a model; nothing where it names none, or guides nowhere.</summary>
    /// <exception cref="PlanException">It is not there, or another kind of model.</exception>
    public void LoadBeside(TrainedModel trained)
    {
        if (!sampling.GuidesByModel)
            return;
        if (sampling.StrongestGuidance == 1)
        {
            if (_context.Collective.IsFirst())
                _context.Observer.Warned($"{sampling.WeakerKey} names a weaker model, and guidance: 1 guides nowhere: no weaker "
                    + $"model is read");
            return;
        }

        try
        {
            trained.Weaker = Load(trained);
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    private TrainedModel Load(TrainedModel trained)
    {
        var (run, plan) = (trained.Run, Plan);
        IReadOnlyList<PluginChange> changed = [];
        if (sampling.GuidanceFrom is { } from)
        {
            run = _context.Others.FindRun(from)
                ?? throw Refusal(
                    $"there is no run `{from}`; name a run whose model is weaker, "
                    + "or remove guidance_from to take a checkpoint of the run itself");
            ExperimentSeal.Check(run, _context.Observer.Warned);
            plan = _context.Others.PlanOf(run) as ExperimentPlan
                ?? throw Refusal($"{run.Path} trained a compressor, and predictions are guided by a denoiser");
            changed = RunPlugins.Check(_context, run, plan.Sources);
            RefuseOtherSpace(trained.Run, run, plan);
        }

        var checkpoint = run.OpenNamedCheckpoint(sampling.GuidanceCheckpoint ?? EvaluatedOptions.Best, _context.Observer.Warned);
        if (checkpoint.Folder == trained.Checkpoint.Folder)
        {
            var others = run.CheckpointNames().Where(name => name != checkpoint.Name)
                .DefaultIfEmpty("there is none, training.keep_every keeps some");
            throw Refusal(
                $"{checkpoint.Name} is the checkpoint that is sampled itself, which leads nowhere; "
                + $"name an earlier one of {Path.GetFileName(run.Path)} ({string.Join(", ", others)}), or another run in guidance_from");
        }

        var weaker = TrainedModel.Load(run, plan, trained.Model.Context, checkpoint);
        weaker.ChangedPlugins = changed;
        if (SameNoise(trained.Model.Process, weaker.Model.Process))
            return weaker;
        weaker.Dispose();
        throw Refusal(
            $"{run.Path} adds noise otherwise ({plan.Strategy.Id}), so its predictions are of other samples; "
            + "name a run of the same strategy");
    }

    /// <summary>Refuses a model of another space: its predictions would be of something else.</summary>
    private void RefuseOtherSpace(RunFolder ours, RunFolder theirs, ExperimentPlan other)
    {
        if (!Plan.Target.SequenceEqual(other.Target))
            throw Refusal($"{theirs.Path} generates {string.Join('+', other.Target)}, here it is {string.Join('+', Plan.Target)}");
        if (Plan.Shape.Volume != other.Shape.Volume || Plan.Shape.Latent != other.Shape.Latent)
            throw Refusal(
                $"{theirs.Path} diffuses latents of {other.Shape.Latent} of volumes of {other.Shape.Volume}, "
                + $"here they are {Plan.Shape.Latent} of {Plan.Shape.Volume}");
        if (!(Plan.Condition.Modalities ?? []).SequenceEqual(other.Condition.Modalities ?? []))
            throw Refusal($"{theirs.Path} tells other modalities apart "
                + $"({string.Join(", ", (other.Condition.Modalities ?? []).DefaultIfEmpty("none"))})");
        if (other.Kinds.Except(Plan.Kinds).FirstOrDefault() is { } unread)
            throw Refusal($"{theirs.Path} is conditioned on {unread}, which this run does not read");
        if (Plan.Compressor.Id != other.Compressor.Id
            || !JsonNode.DeepEquals(Json(Plan.Compressor.Options), Json(other.Compressor.Options))
            || Space(ours) != Space(theirs))
            throw Refusal(
                $"{theirs.Path} diffuses in another space: its compressor, that one's weights, "
                + "or the statistics of its latents are others");
    }

    /// <summary>Hashes of a run's compressor and the statistics of its latents, in words.</summary>
    private static string Space(RunFolder run)
    {
        var frozen = new FrozenParts(run);
        var compressor = frozen.List().FirstOrDefault(part => part.Name == FrozenParts.Compressor)?.Sha256;
        return $"{compressor} "
            + $"{(new NormalizationFile(frozen).Read() is { } statistics ? SealedJson.Text(statistics with { Condition = null }) : "")}";
    }

    private static bool SameNoise(NoiseProcess one, NoiseProcess other)
    {
        using var scope = NewDisposeScope();
        var (nothing, unit) = (zeros([1, 1, 1, 1, 1]), ones([1, 1, 1, 1, 1]));
        return new[] { 1.0, 100, 250, 500, 750, 900, 999 }.All(time =>
        {
            var t = full([1], Scalars.S(time), ScalarType.Float32);
            return Same(unit, nothing) && Same(nothing, unit);

            bool Same(Tensor clean, Tensor noise) =>
                one.AddNoise(clean, noise, t).item<float>() == other.AddNoise(clean, noise, t).item<float>();
        });
    }

    private static JsonNode Json(object options) => JsonSerializer.SerializeToNode(options, options.GetType(), AtomicFile.Json)!;

    private PlanException Refusal(string sentence) =>
        new PlanException(sentence, sampling.WeakerKey).In("sampling");
}
