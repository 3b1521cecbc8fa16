using System.Security.Cryptography;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion.Rejection;

[Collection(Alone.Name)]
public sealed class DiscriminatorTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private string FolderOf => Path.Combine(_run.Folder.Path, "diffrs");

    private ExperimentPlan Plan(IArchitecture? architecture = null, ISampler? sampler = null)
    {
        var plan = TinyRun.Plan(cohort, architecture ?? new FeatureArchitecture());
        return plan with
        {
            Condition = plan.Condition with { Dropout = 0.1 },
            Sampler = TinyRun.Part("sampling", sampler ?? new EulerSampler()),
            Sampling = plan.Sampling with { Count = 1 },
            Training = plan.Training with { Epochs = 1 },
        };
    }

    private DiscriminatorManifest Train(ExperimentPlan plan, int epochs = 1, bool validate = true, CancellationTokenSource? stopped = null)
    {
        if (!Directory.Exists(_run.Folder.Checkpoints))
            _run.Train(plan);
        var folder = Cohort.Open(plan.Data.Cohort);
        return _run.Use(plan, (trained, _) => new DiscriminatorTrainer(plan, trained).Run(
            epochs, TinyRun.Volumes(plan, folder, Cohort.Train), validate ? TinyRun.Volumes(plan, folder, Cohort.Val) : null,
            progress: _ => stopped?.Cancel(), cancellation: stopped?.Token ?? CancellationToken.None));
    }

    private SampleRecord Sample(ExperimentPlan plan)
    {
        plan = plan with { Sampler = TinyRun.Part<ISampler>("sampling", new JudgingSampler()) };
        return _run.Use(
            plan,
            (trained, volumes) =>
                new SampleWriter(plan, trained, volumes, () => Discriminator.Load(plan, trained)).Write(_run.Folder.Samples)[0]);
    }

    private static string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));

    // 65,664 + 256 + 2 · (442,496 + 256) + 129
    [Fact]
    public void Head_over_512_features_has_the_published_size()
    {
        using var head = DiscriminatorHead.Create(512, META);
        Assert.Equal(951_553, head.parameters().Sum(parameter => parameter.numel()));
    }

    [Theory]
    [InlineData(10, 8, 8)]
    [InlineData(1, 1, 1)]
    public void Head_gives_one_logit_a_sample_on_any_grid(long depth, long height, long width)
    {
        using var scope = NewDisposeScope();
        using var head = DiscriminatorHead.Create(8, CPU);
        Assert.Equal([3, 1], head.call(randn([3, 8, depth, height, width])).shape);
    }

    [Fact]
    public void Training_tells_the_samples_of_a_poor_model_from_real_ones()
    {
        var manifest = Train(Plan(), epochs: 60);
        // chance is 0.69; a single epoch has one noise level a volume
        var loss = manifest.Epochs.TakeLast(10).Average(epoch => epoch.Loss);
        Assert.True(loss < 0.5, $"loss {loss}");
        var best = manifest.Epochs[manifest.BestEpoch - 1];
        Assert.True(best.ValidationLoss < 0.5 && best.ValidationAccuracy > 0.75, $"{best}");
        Assert.Equal(manifest.Epochs.Min(epoch => epoch.ValidationLoss), best.ValidationLoss);
    }

    // the oracle's samples are the real volumes: nothing is left to tell
    [Fact]
    public void Training_cannot_tell_real_volumes_from_themselves()
    {
        var manifest = Train(Plan(new OracleWithFeatures()), epochs: 15);
        Assert.All(manifest.Epochs, epoch => Assert.InRange(epoch.ValidationLoss!.Value, 0.6, 0.9));
    }

    // the original padded real volumes with zeros and generated others, so that its discriminator only had to look there
    [Fact]
    public void Training_cannot_tell_real_volumes_by_what_pads_the_generated_ones()
    {
        var manifest = Train(Plan(new OracleWithFeatures(padding: 5)), epochs: 15);
        Assert.All(manifest.Epochs, epoch => Assert.InRange(epoch.ValidationLoss!.Value, 0.6, 0.9));
    }

    [Fact]
    public void Manifest_says_what_it_belongs_to()
    {
        var manifest = Train(Plan());
        Assert.Equal(
            (FeatureArchitecture.Features, 4, 2, 1),
            (manifest.FeatureChannels, manifest.TrainingPairs, manifest.ValidationPairs, manifest.BestEpoch));
        Assert.Equal(Hash(Path.Combine(_run.Latest.Folder, "manifest.json")), manifest.CheckpointSha256);
        Assert.Equal(Hash(Path.Combine(FolderOf, "discriminator.safetensors")), manifest.Weights.Sha256);
        Assert.Equal(
            ["discriminator.json", "discriminator.safetensors"], Directory.GetFileSystemEntries(FolderOf).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Same_seed_gives_the_same_weights_and_another_seed_others()
    {
        var plan = Plan();
        var first = Train(plan).Weights.Sha256;
        Assert.Equal(first, Train(plan).Weights.Sha256);
        Assert.NotEqual(first, Train(plan with { Sampling = plan.Sampling with { Seed = 7 } }).Weights.Sha256);
    }

    [Fact]
    public void Without_validation_the_last_epoch_is_kept()
    {
        var manifest = Train(Plan(), epochs: 3, validate: false);
        Assert.Equal((3, 0), (manifest.BestEpoch, manifest.ValidationPairs));
        Assert.All(manifest.Epochs, epoch => Assert.Null(epoch.ValidationLoss));
    }

    [Fact]
    public void Padding_is_made_the_same_in_both()
    {
        var plan = Plan();
        _run.Train(plan);
        _run.Use(plan, (trained, volumes) =>
        {
            using var scope = NewDisposeScope();
            using var batch = volumes.Load(0);
            var (real, _) = trained.Model.Encode(batch);
            var generated = real.clone();
            generated.narrow(2, TinyCohort.RealSlices, 2).fill_(S(-3.0));
            Assert.True(real.eq(trained.Model.Repad(real, batch.RealSlices)).all().ToBoolean());
            Assert.True(real.eq(trained.Model.Repad(generated, batch.RealSlices)).all().ToBoolean());
            return true;
        });
    }

    [Fact]
    public void Sampler_is_given_the_logit_and_its_calls_are_counted_beside_the_network()
    {
        var plan = Plan();
        var manifest = Train(plan);
        var record = Sample(plan);
        Assert.Equal((1, 2), (record.FunctionEvaluations, record.Judgements));
        Assert.Equal(manifest.Weights.Sha256, record.DiscriminatorSha256);
        Assert.Equal(2, (int)JsonNode.Parse(File.ReadAllText(Path.Combine(_run.Folder.Samples, "00000", "sample.json")))!["judgements"]!);
    }

    [Fact]
    public void Sampler_that_does_not_judge_needs_no_discriminator()
    {
        var plan = Plan();
        _run.Train(plan);
        var record = _run.Use(
            plan,
            (trained, volumes) =>
                new SampleWriter(plan, trained, volumes, () => Discriminator.Load(plan, trained)).Write(_run.Folder.Samples)[0]);
        Assert.Equal((0, null), (record.Judgements, record.DiscriminatorSha256));
    }

    [Fact]
    public void Run_without_a_discriminator_is_refused()
    {
        var plan = Plan();
        _run.Train(plan);
        Assert.Contains("has no discriminator", Refusal(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Discriminator_of_another_checkpoint_is_refused()
    {
        var plan = Plan();
        Train(plan);
        _run.Train(plan with { Training = plan.Training with { Epochs = 2 } }, resume: true);
        Assert.Contains("is of the checkpoint step-00000004", Refusal(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Discriminator_of_other_guidance_is_refused()
    {
        var plan = Plan();
        Train(plan);
        Assert.Contains(
            "knows samples with no guidance",
            Refusal(plan with { Sampling = plan.Sampling with { Guidance = 2 } }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_weights_are_refused()
    {
        var plan = Plan();
        Train(plan);
        var file = Path.Combine(FolderOf, "discriminator.safetensors");
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Contains("is not the file that discriminator.json", Refusal(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_manifest_is_refused()
    {
        var plan = Plan();
        Train(plan);
        File.WriteAllText(Path.Combine(FolderOf, "discriminator.json"), "{\"checkpoint\": ");
        Assert.Contains("cannot be read", Refusal(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Changed_manifest_is_refused()
    {
        var plan = Plan();
        Train(plan);
        var file = Path.Combine(FolderOf, "discriminator.json");
        var text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("\"strength\": 1", "\"strength\": 2", StringComparison.Ordinal));
        Assert.NotEqual(text, File.ReadAllText(file));
        Assert.Contains(
            "do not have the hash", Refusal(plan with { Sampling = plan.Sampling with { Guidance = 2 } }), StringComparison.Ordinal);
    }

    [Fact]
    public void Second_process_is_refused_while_the_first_trains_and_leaves_what_is_there()
    {
        var plan = Plan();
        var first = Train(plan);
        using (new DiscriminatorFolder(_run.Folder).Lock())
            Assert.Contains(
                "is being given a discriminator by another process",
                Assert.Throws<RunFolderException>(() => Train(plan)).Message,
                StringComparison.Ordinal);

        Assert.Equal(first.Weights.Sha256, Sample(plan).DiscriminatorSha256);
    }

    [Fact]
    public void Stopped_training_leaves_no_discriminator()
    {
        var plan = Plan();
        Train(plan);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Train(plan, epochs: 5, stopped: stop));
        Assert.Contains("has no discriminator", Refusal(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Architecture_without_features_is_refused() =>
        Assert.Equal("architecture", Assert.Throws<PlanException>(() => Train(Plan(new ConvArchitecture()))).Section);

    [Fact]
    public void Judging_sampler_on_an_architecture_without_features_is_refused_before_training()
    {
        using var random = new RandomStreams(1);
        var plan = Plan(sampler: new JudgingSampler());
        PlanDescription.Of(plan, TinyRun.Context(plan, random));
        plan = Plan(new ConvArchitecture(), new JudgingSampler());
        var refusal = Assert.Throws<PlanException>(() => PlanDescription.Of(plan, TinyRun.Context(plan, random)));
        Assert.Equal(("sampling", "use"), (refusal.Section, refusal.Key));
    }

    private string Refusal(ExperimentPlan plan) => Assert.Throws<RunFolderException>(() => Sample(plan)).Message;

    /// <summary>Has its noise judged twice and returns what the network says of it.</summary>
    private sealed class JudgingSampler : ISampler<NoOptions>
    {
        public Sampler Create(NoOptions options, PartContext context) => new Judging();

        private sealed class Judging : Sampler
        {
            public override Tensor Sample(SamplingTask task)
            {
                foreach (var t in new[] { 1000.0, 500.0 })
                    Assert.Equal([task.Noise.shape[0]], task.LogDensityRatio!(task.Noise, t).shape);
                return task.Predict(task.Noise, NoiseProcess.Horizon);
            }
        }
    }

    /// <summary>Knows the clean volume from its condition, as <see cref="FormulaArchitecture.Oracle"/> does, and shows features.</summary>
    private sealed class OracleWithFeatures(double padding = 0) : IArchitecture<NoOptions>
    {
        public NoOptions Fit(NoOptions options, DiffusionShape shape) => options;

        public Denoiser Create(NoOptions options, PartContext context) => new Network(padding, context);

        private sealed class Network : Denoiser, IFeatureExtractor
        {
            private readonly double _padding;
            private readonly TorchSharp.Modules.Parameter bias;

            public Network(double padding, PartContext context)
                : base("oracle")
            {
                _padding = padding;
                bias = new TorchSharp.Modules.Parameter(zeros(1, device: context.Device));
                RegisterComponents();
            }

            public int FeatureChannels => 2;

            public Tensor Features(Tensor sample, Tensor timesteps, Conditioning conditioning) => conditioning.Concatenate(sample);

            /// <summary>The truth, but for the slices that only pad the volume, which end beyond it by so much.</summary>
            public override Tensor forward(Tensor noisy, Tensor timesteps, Conditioning conditioning)
            {
                var padded = zeros_like(noisy);
                padded.narrow(2, TinyCohort.RealSlices, noisy.shape[2] - TinyCohort.RealSlices).fill_(S(_padding));
                return FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias) + padded;
            }
        }
    }
}
