using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Tests.Optimization;

public sealed class FusedAdamWTests
{
    private static readonly AdamWOptions Options = new()
    {
        LearningRate = 0.01,
        Beta1 = 0.8,
        Beta2 = 0.95,
        Epsilon = 1e-6,
        WeightDecay = 0.1,
    };

    private static Parameter Make(double[] values, ScalarType dtype = ScalarType.Float64) => new(tensor(values, dtype: dtype));

    [Fact]
    public void Step_follows_the_published_formula()
    {
        using var scope = NewDisposeScope();
        double[] weights = [0.5, -2.0, 3.0], m = new double[3], v = new double[3];
        using var parameter = Make(weights);
        using var optimizer = new FusedAdamW([("w", parameter)], Options);
        for (var step = 1; step <= 7; step++)
        {
            var gradient = weights.Select((w, i) => Math.Sin(step + i) + w).ToArray();
            optimizer.LearningRate = 0.01 / step;
            parameter.grad = tensor(gradient);
            optimizer.Step();
            for (var i = 0; i < 3; i++)
            {
                weights[i] -= optimizer.LearningRate * Options.WeightDecay * weights[i];
                m[i] = Options.Beta1 * m[i] + (1 - Options.Beta1) * gradient[i];
                v[i] = Options.Beta2 * v[i] + (1 - Options.Beta2) * gradient[i] * gradient[i];
                var mHat = m[i] / (1 - Math.Pow(Options.Beta1, step));
                var vHat = v[i] / (1 - Math.Pow(Options.Beta2, step));
                weights[i] -= optimizer.LearningRate * mHat / (Math.Sqrt(vHat) + Options.Epsilon);
            }

            Assert.Equal(weights, parameter.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-12);
        }
    }

    [Fact]
    public void Step_agrees_with_TorchSharps_own_AdamW()
    {
        using var scope = NewDisposeScope();
        using var own = nn.Linear(20, 30);
        using var other = nn.Linear(20, 30);
        Weights.Load(other, Weights.Of(own), "own");
        using var fused = new FusedAdamW(own.named_parameters(), new());
#pragma warning disable RS0030 // the optimiser that ours replaces, as a second opinion
        using var reference = optim.AdamW(other.parameters(), lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-2);
#pragma warning restore RS0030
        for (var step = 0; step < 5; step++)
        {
            var input = randn(8, 20);
            foreach (var module in new[] { own, other })
            {
                module.zero_grad();
                module.forward(input).square().mean().backward();
            }

            fused.Step();
            reference.step();
        }

        Assert.True((own.weight! - other.weight!).abs().max().item<float>() < 2e-6f);
        Assert.True((own.bias! - other.bias!).abs().max().item<float>() < 2e-6f);
    }

    [Fact]
    public void Step_leaves_parameters_without_gradient_and_their_counts()
    {
        using var scope = NewDisposeScope();
        using var one = Make([1.0]);
        using var other = Make([1.0]);
        using var optimizer = new FusedAdamW([("one", one), ("other", other)], Options);
        one.grad = tensor(new[] { 1.0 });
        optimizer.Step();
        Assert.NotEqual(1.0, one.item<double>());
        Assert.Equal(1.0, other.item<double>());
        Assert.Equal(1f, optimizer.State["one.step"].item<float>());
        Assert.Equal(0f, optimizer.State["other.step"].item<float>());
    }

    [Fact]
    public void Step_with_a_transposed_gradient_updates_by_position_not_by_memory()
    {
        using var scope = NewDisposeScope();
        using var straight = new Parameter(zeros(2, 3));
        using var transposed = new Parameter(zeros(2, 3));
        using var optimizer = new FusedAdamW([("a", straight), ("b", transposed)], Options with { Epsilon = 1 });
        var gradient = arange(S(6L), dtype: ScalarType.Float32).view(3, 2).t();
        straight.grad = gradient.contiguous();
        transposed.grad = gradient;
        optimizer.Step();
        Assert.Equal(straight.data<float>().ToArray(), transposed.data<float>().ToArray());
    }

    [Fact]
    public void ZeroGradients_drops_them()
    {
        using var scope = NewDisposeScope();
        using var parameter = Make([1.0]);
        using var optimizer = new FusedAdamW([("w", parameter)], Options);
        parameter.grad = tensor(new[] { 1.0 });
        optimizer.ZeroGradients();
        Assert.Null(parameter.grad);
    }

    [Fact]
    public void Load_of_a_saved_state_continues_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        using var through = Make([1.0, -1.0], ScalarType.Float32);
        using var resumed = Make([1.0, -1.0], ScalarType.Float32);
        using var first = new FusedAdamW([("w", through)], Options);
        Run(first, through, 0, 3);
        using var file = new MemoryStream();
        SafetensorsFile.Write(file, first.State);
        file.Position = 0;

        using (no_grad())
            resumed.copy_(through);
        using var second = new FusedAdamW([("w", resumed)], Options);
        using var saved = SafetensorsFile.Read(file, "optimizer");
        second.Load(saved, "optimizer");
        Run(first, through, 3, 6);
        Run(second, resumed, 3, 6);
        Assert.Equal(through.data<float>().ToArray(), resumed.data<float>().ToArray());

        static void Run(FusedAdamW optimizer, Parameter parameter, int from, int to)
        {
            for (var step = from; step < to; step++)
            {
                parameter.grad = tensor(new[] { MathF.Sin(step), MathF.Cos(step) });
                optimizer.Step();
            }
        }
    }

    [Fact]
    public void Load_of_another_models_state_is_refused()
    {
        using var parameter = Make([1.0]);
        using var optimizer = new FusedAdamW([("w", parameter)], Options);
        var message = Assert.Throws<InvalidDataException>(() => optimizer.Load(new Dictionary<string, Tensor>(), "o.safetensors")).Message;
        Assert.Equal("o.safetensors does not fit the optimiser: 3 missing (w.exp_avg, w.exp_avg_sq, w.step)", message);
    }

    [Fact]
    public void Step_leaves_no_tensor_behind_and_Dispose_frees_the_moments()
    {
        using var parameter = Make([1.0, 2.0]);
        using (NewDisposeScope())
            parameter.grad = tensor(new[] { 1.0, 1.0 });
        var before = LiveTensors.Settled();
        var optimizer = new FusedAdamW([("w", parameter)], Options);
        for (var i = 0; i < 10; i++)
            optimizer.Step();
        Assert.Equal(before + 3, Tensor.TotalCount);
        optimizer.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Step_repeated_does_not_grow_the_process()
    {
        using var parameter = Make(new double[1 << 16]);
        using (NewDisposeScope())
            parameter.grad = zeros_like(parameter);
        using var optimizer = new FusedAdamW([("w", parameter)], Options);
        optimizer.Step();
        var before = NativeHeap.Allocated;
        for (var i = 0; i < 1000; i++) // one lost copy of the gradient a step would be 512 MB
            optimizer.Step();
        Assert.InRange(NativeHeap.Allocated - before, long.MinValue, 100 << 20);
    }

    [Fact]
    public void Parameters_of_two_dtypes_are_refused()
    {
        using var one = Make([1.0]);
        using var other = Make([1.0], ScalarType.Float32);
        Assert.Contains(
            "'other'", Assert.Throws<ArgumentException>(() => new FusedAdamW([("one", one), ("other", other)], Options)).Message);
    }

    [Theory]
    [InlineData(-1, 0.9)]
    [InlineData(1, 1.0)]
    [InlineData(1, double.NaN)]
    public void Options_out_of_range_are_refused(double learningRate, double beta) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FusedAdamW([], new() { LearningRate = learningRate, Beta1 = beta }));
}
