using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Tests.Optimization;

public sealed class ExponentialMovingAverageTests
{
    private static void Set(Linear module, double value)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        module.weight!.fill_(S(value));
    }

    private static float Value(Tensor tensor) => tensor.data<float>()[0];

    [Fact]
    public void Decay_is_0_until_averaging_begins_then_warms_up_to_beta()
    {
        using var module = nn.Linear(1, 1, hasBias: false);
        using var average = new ExponentialMovingAverage(module);
        Assert.Equal(0.0, average.Decay(1));
        Assert.Equal(0.0, average.Decay(101));
        Assert.Equal(1 - Math.Pow(11, -2.0 / 3.0), average.Decay(111), 1e-12);
        Assert.Equal(0.9993, average.Decay(52_000), 1e-4); // the figure of the original's 500 epochs
        Assert.Equal(0.9999, average.Decay(2_000_000));
    }

    [Fact]
    public void Update_copies_then_averages_every_so_many_steps_by_the_decay()
    {
        using var module = nn.Linear(1, 1, hasBias: false);
        using var average = new ExponentialMovingAverage(module, new() { Beta = 0.7, UpdateEvery = 2, UpdateAfterStep = 4 });
        var expected = (double)Value(module.weight!);
        for (var n = 1; n <= 15; n++)
        {
            Set(module, n);
            average.Update();
            if ((n - 1) % 2 == 0)
            {
                var decay = n - 1 <= 4 ? 0 : Math.Min(0.7, 1 - Math.Pow(n - 4, -2.0 / 3.0));
                expected = decay * expected + (1 - decay) * n;
            }

            Assert.Equal(expected, Value(average.State["weight"]), 1e-4);
        }

        Assert.Equal(15, average.Step);
    }

    [Fact]
    public void Update_copies_buffers()
    {
        using var scope = NewDisposeScope();
        using var module = nn.BatchNorm1d(2);
        using var average = new ExponentialMovingAverage(module, new() { UpdateEvery = 1, UpdateAfterStep = 0 });
        for (var i = 0; i < 3; i++)
        {
            module.forward(randn(4, 2));
            average.Update();
        }

        Assert.Equal(3L, average.State["num_batches_tracked"].item<long>());
        Assert.Equal(module.running_mean!.data<float>().ToArray(), average.State["running_mean"].data<float>().ToArray());
    }

    [Fact]
    public void Swap_shows_the_average_in_the_module_and_gives_the_weights_back()
    {
        using var module = nn.Linear(1, 1, hasBias: false);
        Set(module, 1);
        using var average = new ExponentialMovingAverage(module);
        Set(module, 5);
        var handle = module.weight!.Handle;
        using (average.Swap())
        {
            Assert.Equal(1f, Value(module.weight!));
            Assert.Throws<InvalidOperationException>(average.Update);
            Assert.Throws<InvalidOperationException>(() => average.State);
            Assert.Throws<InvalidOperationException>(average.Swap);
        }

        Assert.Equal(5f, Value(module.weight!));
        Assert.Equal(1f, Value(average.State["weight"]));
        Assert.Equal(handle, module.weight!.Handle);
    }

    [Fact]
    public void Load_continues_where_the_saved_average_was()
    {
        using var module = nn.Linear(1, 1, hasBias: false);
        var options = new ExponentialMovingAverageOptions { UpdateEvery = 1, UpdateAfterStep = 2 };
        using var first = new ExponentialMovingAverage(module, options);
        Advance(first, module, 1, 6);
        using var second = new ExponentialMovingAverage(module, options);
        second.Load(first.State, first.Step, "ema");
        Advance(first, module, 7, 9);
        Advance(second, module, 7, 9);
        Assert.Equal(Value(first.State["weight"]), Value(second.State["weight"]));

        static void Advance(ExponentialMovingAverage average, Linear module, int from, int to)
        {
            for (var n = from; n <= to; n++)
            {
                Set(module, n);
                average.Update();
            }
        }
    }

    [Fact]
    public void Average_frees_all_it_made()
    {
        using var module = nn.Linear(3, 3);
        var before = LiveTensors.Settled();
        using (var average = new ExponentialMovingAverage(module, new() { UpdateEvery = 1, UpdateAfterStep = 0 }))
        {
            for (var i = 0; i < 5; i++)
                average.Update();
            using (average.Swap())
            {
            }

            Assert.Equal(before + 2, Tensor.TotalCount);
        }

        Assert.Equal(before, Tensor.TotalCount);
    }
}
