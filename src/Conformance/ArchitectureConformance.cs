using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;

namespace VoxelZoo.Conformance;

/// <summary>Checks an architecture: shapes, gradients, conditions, determinism, weights, memory, refusals.</summary>
public static class ArchitectureConformance
{
    internal const int Batch = 2;
    private const int Channels = 2;
    private const int ConditionChannels = 1;

    // three different sizes, so that swapped axes show
    internal static readonly VolumeShape Grid = new(Channels, 8, 16, 24);

    /// <summary>Runs the checks on the architecture's tiny instance.</summary>
    public static IReadOnlyList<ConformanceCheck> Verify(IArchitecture architecture, PartContext context)
    {
        var checks = new CheckList();
        Denoiser? created = null;
        checks.Run("create", "Fit completes the tiny options and Create builds from them", () =>
        {
            manual_seed(1);
            created = Create(architecture, context, Grid);
            Perturb(created);
            created.eval();
            return created.parameters().Any() ? null : "the denoiser has no parameters";
        });
        if (created is null)
            return checks.Results;
        using var denoiser = created;

        using var inputs = NewDisposeScope();
        manual_seed(2);
        var input = Input.Random(Grid, denoiser.EmbeddingSize);

        checks.Run(
            "inputs_untouched",
            "what the network is given is left as it is",
            () => Untouched(() => input.PredictOnItself(denoiser), input.Tensors));
        checks.Run("shape", $"[B, {Channels} + {ConditionChannels}, D, H, W] gives [B, {Channels}, D, H, W]", () =>
        {
            var shape = input.Predict(denoiser).shape;
            return shape.SequenceEqual(Grid.Batch(Batch)) ? null : $"the prediction is {Shape(shape)}, not {Shape(Grid.Batch(Batch))}";
        });
        checks.Run("finite", "predictions are finite from t = 0 to 1000", () =>
            new[] { 0f, 500f, 1000f }.All(t => IsFinite((input with { Timesteps = full(Batch, Scalars.S(t)) }).Predict(denoiser)))
                ? null
                : "a prediction holds NaN or infinity");
        checks.Run("gradient", "the gradient reaches every parameter", () => Gradient(denoiser, input));
        checks.Run(
            "inputs_matter",
            "sample, timestep, image condition and embedding each change the prediction",
            () => InputsMatter(denoiser, input));
        checks.Run("repeatable", "the same input gives the same prediction, bit for bit", () =>
            BitEqual(input.Predict(denoiser), input.Predict(denoiser)) ? null : "two predictions of one input differ");
        checks.Run("same_seed", "the same seed gives the same initial weights", () => SameSeed(() => Create(architecture, context, Grid)));
        checks.Run("save_load", "saved and loaded weights predict the same, bit for bit", () =>
        {
            using var other = Create(architecture, context, Grid);
            other.eval();
            return SaveAndLoad(denoiser, other, input.Predict);
        });
        checks.Run("batch_permutation", "each sample's prediction is its own affair", () =>
            SamplesAreIndependent(index => input.Select(index).Predict(denoiser), Batch));
        checks.Run("live_tensors", "predictions leave no tensors behind", () => LiveTensorsAreFlat(() => input.Predict(denoiser)));
        checks.Run(
            "gradient_checkpointing",
            "with gradient checkpointing, where there is one, the gradients are the same",
            () => Checkpointing(architecture, context, denoiser, input));
        checks.Run("meta_device", "the meta device gives the same keys and shapes", () => OnMeta(architecture, context, denoiser));
        checks.Run("odd_sizes", "sizes that do not work are refused by Fit with a PlanException", () => OddSizes(architecture, context));
        ControlConformance.Run(checks, architecture, Options(architecture, Grid), context, denoiser, input);
        return checks.Results;
    }

    private static Denoiser Create(IArchitecture architecture, PartContext context, VolumeShape grid) =>
        ModuleTensors.Keep(architecture.Create(Options(architecture, grid), context));

    private static object Options(IArchitecture architecture, VolumeShape grid) =>
        architecture.Fit(architecture.Tiny, new DiffusionShape(grid, grid, ConditionChannels));

    private static string? Gradient(Denoiser denoiser, Input input)
    {
        using (enable_grad())
        {
            denoiser.zero_grad();
            var output = denoiser.call(input.Sample, input.Timesteps, input.Conditioning);
            (output * randn_like(output)).sum().backward();
        }

        var missed = MissedByGradient(denoiser);
        denoiser.zero_grad();
        return missed;
    }

    private static string? Checkpointing(IArchitecture architecture, PartContext context, Denoiser denoiser, Input input)
    {
        var options = Options(architecture, Grid);
        if (architecture.Describe(options, new DiffusionShape(Grid, Grid, ConditionChannels)).CheckpointedElements is null)
            return null;
        using var checkpointed = ModuleTensors.Keep(architecture.Create(options, context with { GradientCheckpointing = true }));
        using (no_grad())
            foreach (var (own, other) in denoiser.parameters().Zip(checkpointed.parameters()))
                other.copy_(own);
        checkpointed.eval();
        return Difference(GradientOf(checkpointed, input), GradientOf(denoiser, input)) > Tolerance
            ? "the gradient is another one with gradient checkpointing"
            : null;
    }

    /// <summary>The gradient of a fixed function of the prediction, all parameters in a row.</summary>
    private static Tensor GradientOf(Denoiser denoiser, Input input)
    {
        using var gradient = enable_grad();
        denoiser.zero_grad();
        var output = denoiser.call(input.Sample, input.Timesteps, input.Conditioning);
        GradientCheckpoint.Backward((output * input.Sample.cos()).mean());
        var all = cat([.. denoiser.parameters().Select(parameter => parameter.grad!.flatten())]);
        denoiser.zero_grad();
        return all;
    }

    private static string? InputsMatter(Denoiser denoiser, Input input)
    {
        var usual = input.Predict(denoiser);
        var c = input.Conditioning;
        List<(string Name, Input Changed)> changes =
        [
            ("the sample", input with { Sample = -input.Sample }),
            ("the timestep", input with { Timesteps = zeros_like(input.Timesteps) }),
            ("the image condition", input with { Conditioning = c with { Image = -c.Image! } }),
        ];
        if (denoiser.EmbeddingSize > 0)
        {
            changes.Add(("the embedding's scale", input with { Conditioning = c with { Scale = -c.Scale! } }));
            changes.Add(("the embedding's shift", input with { Conditioning = c with { Shift = -c.Shift! } }));
        }

        var ignored = changes.Where(change => BitEqual(change.Changed.Predict(denoiser), usual)).Select(change => change.Name).ToArray();
        return ignored.Length == 0 ? null : $"the prediction ignores {string.Join(" and ", ignored)}";
    }

    private static string? OnMeta(IArchitecture architecture, PartContext context, Denoiser denoiser)
    {
        using var shapes = Create(architecture, context with { Device = META }, Grid);
        return SameOnMeta(denoiser, shapes);
    }

    private static string? OddSizes(IArchitecture architecture, PartContext context)
    {
        foreach (var grid in new[]
        {
            Grid with { Depth = 7 }, Grid with { Height = 13 }, Grid with { Width = 11 }, Grid with { Depth = 1 },
        })
        {
            try
            {
                using var denoiser = Create(architecture, context, grid);
                var shape = Input.Random(grid, denoiser.EmbeddingSize).Predict(denoiser).shape;
                if (!shape.SequenceEqual(grid.Batch(Batch)))
                    return $"a {grid} sample was accepted but its prediction is {Shape(shape)}";
            }
            catch (PlanException)
            {
                // refused as it should be
            }
            catch (Exception fault)
            {
                return $"a {grid} sample was accepted but fails with {fault.GetType().Name}: {fault.Message.Split('\n')[0]}";
            }
        }

        return null;
    }

    /// <summary>One batch of everything that a denoiser takes.</summary>
    internal sealed record Input(Tensor Sample, Tensor Timesteps, Conditioning Conditioning)
    {
        public static Input Random(VolumeShape grid, int embedding) => new(
            randn(grid.Batch(Batch)),
            rand([Batch]) * Scalars.S(500.0) + Scalars.S(250.0),
            new Conditioning
            {
                Image = randn((grid with { Channels = ConditionChannels }).Batch(Batch)),
                Scale = embedding == 0 ? null : randn([Batch, embedding]),
                Shift = embedding == 0 ? null : randn([Batch, embedding]),
            });

        public Input Select(Tensor index) => new(
            Sample.index_select(0, index),
            Timesteps.index_select(0, index),
            new Conditioning
            {
                Image = Conditioning.Image!.index_select(0, index),
                Scale = Conditioning.Scale?.index_select(0, index),
                Shift = Conditioning.Shift?.index_select(0, index),
            });

        /// <summary>What is given, by name.</summary>
        public IReadOnlyList<(string Name, Tensor? Tensor)> Tensors =>
        [
            ("the sample", Sample), ("the timesteps", Timesteps), ("the image condition", Conditioning.Image),
            ("the embedding's scale", Conditioning.Scale), ("the embedding's shift", Conditioning.Shift),
        ];

        /// <summary>The prediction of a copy, so that a network that changes what it is given hides nothing else.</summary>
        public Tensor Predict(Denoiser denoiser) => Copy().PredictOnItself(denoiser);

        /// <summary>The prediction.</summary>
        public Tensor PredictOnItself(Denoiser denoiser)
        {
            using var gradient = no_grad();
            return denoiser.call(Sample, Timesteps, Conditioning);
        }

        private Input Copy() => new(Sample.clone(), Timesteps.clone(), Conditioning with
        {
            Image = Conditioning.Image?.clone(),
            Scale = Conditioning.Scale?.clone(),
            Shift = Conditioning.Shift?.clone(),
        });
    }
}
