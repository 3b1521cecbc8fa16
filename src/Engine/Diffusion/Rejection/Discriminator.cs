using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion.Rejection;

/// <summary>
/// Tells real samples from those of a model at any noise level, by the features of the model itself under the condition of the sample: its
/// logit is the logarithm of the ratio of their densities.
/// </summary>
public sealed class Discriminator : ISampleJudge
{
    private readonly DiffusionModel _model;

    private Discriminator(ExperimentPlan plan, DiffusionModel model)
    {
        _model = model;
        if (model.FeatureChannels is not { } features)
            throw new PlanException(
                $"`{plan.Architecture.Id}` shows no features that a discriminator could judge by; "
                + "use unet3d, or a sampler other than diffrs").In("architecture");
        FeatureChannels = features;
        torch.random.manual_seed(RandomStreams.SeedOf(plan.Sampling.Seed, "discriminator"));
        Head = DiscriminatorHead.Create(features, model.Device);
    }

    /// <summary>Channels of the features.</summary>
    public int FeatureChannels { get; }

    /// <summary>Parameters of the head.</summary>
    public long Parameters => Head.parameters().Sum(parameter => parameter.numel());

    /// <summary>SHA-256 of the weights; null of a new one.</summary>
    public string? Sha256 { get; private init; }

    internal nn.Module<Tensor, Tensor> Head { get; }

    /// <summary>A new one, which knows nothing yet. The model stays the caller's.</summary>
    /// <exception cref="PlanException">The architecture shows no features.</exception>
    public static Discriminator Create(ExperimentPlan plan, DiffusionModel model) => new(plan, model);

    /// <summary>That of the run, for the checkpoint that was loaded. The model stays the caller's.</summary>
    /// <param name="plan">The plan; its guidance must be that of the samples that the discriminator knows.</param>
    /// <param name="trained">The run's model.</param>
    /// <exception cref="RunFolderException">There is none, it is damaged, or it belongs to other samples.</exception>
    public static Discriminator Load(ExperimentPlan plan, TrainedModel trained)
    {
        var folder = new DiscriminatorFolder(trained.Run);
        var manifest = folder.Read();
        if (manifest.CheckpointSha256 != trained.CheckpointSha256)
            throw new RunFolderException(
                $"{folder.Path} is of the checkpoint {manifest.Checkpoint} ({manifest.CheckpointSha256[..8]}), "
                + $"but {trained.Checkpoint.Name} ({trained.CheckpointSha256[..8]}) is sampled; "
                + $"train it anew: `voxelzoo train-diffrs {trained.Run.Path}`");
        if (GuidanceFacts.Of(plan.Sampling) is var guidance && manifest.Guidance != guidance)
            throw new RunFolderException(
                $"{folder.Path} knows samples with {manifest.Guidance}, but these are to have {guidance}; "
                + "use that guidance, or train it anew");
        if (FileFacts.Of(folder.Weights) != manifest.Weights)
            throw new RunFolderException(
                $"{folder.Weights} is not the file that {DiscriminatorFolder.ManifestName} beside it describes; "
                + $"train it anew: `voxelzoo train-diffrs {trained.Run.Path}`");
        var discriminator = new Discriminator(plan, trained.Model) { Sha256 = manifest.Weights.Sha256 };
        try
        {
            using var weights = SafetensorsFile.Read(folder.Weights);
            Tensors.Weights.Load(discriminator.Head, weights, folder.Weights);
            discriminator.Head.eval();
            return discriminator;
        }
        catch
        {
            discriminator.Dispose();
            throw;
        }
    }

    /// <summary>The logits <c>[B]</c> of noisy samples, whose gradient reaches the head alone.</summary>
    /// <param name="noisy"><c>[B, C, d, h, w]</c>.</param>
    /// <param name="timesteps"><c>[B]</c>.</param>
    /// <param name="condition">What they are conditioned on.</param>
    public Tensor LogRatio(Tensor noisy, Tensor timesteps, ModelCondition condition)
    {
        using var scope = torch.NewDisposeScope();
        return Head.call(Features(noisy, timesteps, condition)).squeeze(1).MoveToOuterDisposeScope();
    }

    /// <summary>The same of a batch at one time.</summary>
    public Tensor LogRatio(Tensor noisy, double timestep, ModelCondition condition)
    {
        using var scope = torch.NewDisposeScope();
        var timesteps = torch.full([noisy.shape[0]], S(timestep), ScalarType.Float32, noisy.device);
        return LogRatio(noisy, timesteps, condition).MoveToOuterDisposeScope();
    }

    private Tensor Features(Tensor noisy, Tensor timesteps, ModelCondition condition)
    {
        using var _ = torch.no_grad();
        return _model.Features(noisy, timesteps, condition);
    }

    /// <summary>Frees the head.</summary>
    public void Dispose() => Head.Dispose();
}
