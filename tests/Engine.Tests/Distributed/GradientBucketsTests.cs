using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Engine.Distributed;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Distributed;

[Collection(TensorCounting.Name)]
public sealed class GradientBucketsTests
{
    private const int Bucket = 1 << 20;

    [Fact]
    public void Each_gradient_becomes_the_mean_and_what_has_none_stays_without()
    {
        using var scope = torch.NewDisposeScope();
        Parameter[] parameters =
        [
            Parameter([3, 2]), Parameter([]), Parameter([2, Bucket, 1]), Parameter([5], hasGradient: false), Parameter([7]),
        ];
        var before = parameters.Select(Gradient).ToArray();
        // the other process has the same gradients and 1 more
        var collective = new PretendedCollective(0, 2, mine => 2 * mine + 1);
        using var buckets = new GradientBuckets(collective);

        buckets.Average(parameters);

        for (var i = 0; i < parameters.Length; i++)
            Assert.Equal(before[i].Select(value => value + 0.5f), Gradient(parameters[i]));
        Assert.Null(parameters[3].grad);
        Assert.Equal([Bucket, Bucket, 3 * 2 + 1 + 7], collective.Messages);
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        var (buckets, parameter) = (new GradientBuckets(new PretendedCollective(0, 2, mine => 2 * mine)), Parameter([9]));
        var before = LiveTensors.Settled();

        buckets.Average([parameter]);

        Assert.Equal(before, torch.Tensor.TotalCount);
        buckets.Dispose();
        parameter.Dispose();
    }

    private static Parameter Parameter(long[] shape, bool hasGradient = true)
    {
        // whole numbers, which all sums and halves of are exact
        var parameter = new Parameter(torch.zeros(shape));
        if (hasGradient)
            parameter.grad = torch.randint(1000, shape, torch.float32);
        return parameter;
    }

    private static float[] Gradient(Parameter parameter) => parameter.grad is { } gradient ? gradient.data<float>().ToArray() : [];
}
