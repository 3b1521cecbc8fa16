using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Engine.Diffusion.Rejection;

/// <summary>
/// Trains a run's discriminator on pairs of a real volume and one that was generated from the same condition, each with noise of its own
/// level. The slices that only pad a volume are made the same in both, or else they would tell them apart.
/// </summary>
/// <param name="plan">The plan; its sampler draws the generated volumes.</param>
/// <param name="trained">The run's model.</param>
public sealed class DiscriminatorTrainer(ExperimentPlan plan, TrainedModel trained)
{
    private const double LearningRate = 3e-4;
    private const double WeightDecay = 1e-7;

    // one noise level a volume would leave the best epoch to chance
    private const int ValidationDraws = 4;

    private readonly DiscriminatorFolder _folder = new(trained.Run);

    /// <summary>Plugins that are not those that the run was trained with. Default: none.</summary>
    public IReadOnlyList<PluginChange> ChangedPlugins { get; init; } = [];

    /// <summary>
    /// Generates the volumes, trains, and leaves the discriminator in the run's folder <c>diffrs</c>; one that was there is replaced.
    /// </summary>
    /// <param name="epochs">How often each pair is seen.</param>
    /// <param name="training">Volumes to train on.</param>
    /// <param name="validation">Volumes by which the best epoch is chosen, or null: then the last one is taken.</param>
    /// <param name="generated">Called with the number of volumes generated and in all.</param>
    /// <param name="progress">Called after each epoch.</param>
    /// <param name="cancellation">Stops it; the run has no discriminator then.</param>
    /// <exception cref="PlanException">The architecture shows no features.</exception>
    /// <exception cref="Runs.RunFolderException">Another process trains the run's discriminator.</exception>
    public DiscriminatorManifest Run(
        int epochs,
        CohortDataset training,
        CohortDataset? validation,
        Action<int, int>? generated = null,
        Action<DiscriminatorEpoch>? progress = null,
        CancellationToken cancellation = default)
    {
        using var discriminator = Discriminator.Create(plan, trained.Model);
        using var held = _folder.Lock();
        _folder.Begin();
        var total = training.Count + (validation?.Count ?? 0);
        Generate(training, 0, count => generated?.Invoke(count, total), cancellation);
        if (validation is not null)
            Generate(validation, training.Count, count => generated?.Invoke(count, total), cancellation);

        using var optimizer = new FusedAdamW(
            discriminator.Head.named_parameters(), new AdamWOptions { LearningRate = LearningRate, WeightDecay = WeightDecay });
        List<DiscriminatorEpoch> history = [];
        var (best, weights) = (0, new FileFacts(0, ""));
        for (var epoch = 1; epoch <= epochs; epoch++)
        {
            var (loss, accuracy) = Train(discriminator, optimizer, training, epoch, cancellation);
            (double Loss, double Accuracy)? judged = validation is null
                ? null
                : Validate(discriminator, validation, training.Count, cancellation);
            history.Add(new DiscriminatorEpoch(epoch, loss, accuracy, judged?.Loss, judged?.Accuracy));
            if (judged is null || best == 0 || judged.Value.Loss < history[best - 1].ValidationLoss)
                (best, weights) = (epoch, _folder.WriteWeights(discriminator.Head));
            progress?.Invoke(history[^1]);
        }

        var manifest = new DiscriminatorManifest
        {
            Checkpoint = trained.Checkpoint.Name,
            CheckpointSha256 = trained.CheckpointSha256,
            FeatureChannels = discriminator.FeatureChannels,
            Parameters = discriminator.Parameters,
            Weights = weights,
            Sampler = plan.Sampler.Id,
            SamplerOptions = JsonSerializer.SerializeToNode(plan.Sampler.Options, plan.Sampler.Options.GetType(), AtomicFile.Json)!,
            Guidance = GuidanceFacts.Of(plan.Sampling),
            Seed = plan.Sampling.Seed,
            TrainingPairs = training.Count,
            ValidationPairs = validation?.Count ?? 0,
            BestEpoch = best,
            ChangedPlugins = ChangedPlugins.Count > 0 ? ChangedPlugins : null,
            Epochs = history,
        };
        _folder.End(manifest);
        return manifest;
    }

    /// <summary>Draws a volume for each condition of a split, and keeps its latent from number <paramref name="first"/> on.</summary>
    private void Generate(CohortDataset volumes, int first, Action<int> progress, CancellationToken cancellation)
    {
        var generator = new VolumeGenerator(plan, trained.Model);
        for (var i = 0; i < volumes.Count; i++)
        {
            using var scope = torch.NewDisposeScope();
            using var condition = volumes.Load(i);
            _folder.WriteGenerated(first + i, generator.GenerateLatent(first + i, condition, cancellation: cancellation).Latent.cpu());
            progress(first + i + 1);
        }
    }

    private (double Loss, double Accuracy) Train(
        Discriminator discriminator, FusedAdamW optimizer, CohortDataset training, int epoch, CancellationToken cancellation)
    {
        discriminator.Head.train();
        using var random = Stream($"train/{epoch}");
        var tally = new Tally();
        foreach (var i in new SeededRandom(plan.Sampling.Seed, $"discriminator/order/{epoch}").Permutation(training.Count))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            var loss = Judge(discriminator, training, i, i, random, tally);
            discriminator.Head.zero_grad();
            loss.backward();
            optimizer.Step();
        }

        return tally.Means;
    }

    private (double Loss, double Accuracy) Validate(
        Discriminator discriminator, CohortDataset validation, int first, CancellationToken cancellation)
    {
        discriminator.Head.eval();
        using var _ = torch.no_grad();
        var tally = new Tally();
        for (var i = 0; i < validation.Count; i++)
        {
            // the same noise in every epoch, so that two of them differ by their weights alone
            using var random = Stream($"validation/{i}");
            for (var draw = 0; draw < ValidationDraws; draw++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = torch.NewDisposeScope();
                Judge(discriminator, validation, i, first + i, random, tally);
            }
        }

        return tally.Means;
    }

    /// <summary>The loss of one pair.</summary>
    private Tensor Judge(Discriminator discriminator, CohortDataset volumes, int index, int number, Generator random, Tally tally)
    {
        using var batch = volumes.Load(index);
        using var file = _folder.ReadGenerated(number);
        var model = trained.Model;
        var (real, condition) = model.Encode(batch);
        var latents = new[] { real, file["latent"].to(model.Device) }.Select(latent => model.Repad(latent, batch.RealSlices));
        var logits = torch.cat([.. latents.Select(Logit)]);
        var loss = F.binary_cross_entropy_with_logits(logits, torch.tensor([1f, 0f], device: model.Device));
        var values = logits.detach().cpu().data<float>().ToArray();
        tally.Add(loss.ToDouble(), (values[0] > 0 ? 1 : 0) + (values[1] < 0 ? 1 : 0));
        return loss;

        Tensor Logit(Tensor clean)
        {
            var timesteps = model.OfProcess(process => process.SampleTimesteps(1, random)).to(model.Device);
            var noise = torch.randn(clean.shape, generator: random).to(model.Device);
            return discriminator.LogRatio(model.OfProcess(process => process.AddNoise(clean, noise, timesteps)), timesteps, condition);
        }
    }

    private Generator Stream(string name) => new((ulong)RandomStreams.SeedOf(plan.Sampling.Seed, $"discriminator/{name}"), torch.CPU);

    private sealed class Tally
    {
        private double _loss;
        private int _pairs, _right;

        public (double Loss, double Accuracy) Means => (_loss / _pairs, (double)_right / (2 * _pairs));

        public void Add(double loss, int right) => (_loss, _pairs, _right) = (_loss + loss, _pairs + 1, _right + right);
    }
}
