using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training.Guards;

public sealed class NonFiniteCauseTests : IDisposable
{
    private readonly torch.nn.Module _module = torch.nn.Linear(2, 2);
    private readonly TrainedModule _trained;

    public NonFiniteCauseTests() => _trained = new TrainedModule("denoiser", _module, new TrainingOptions { Epochs = 1 });

    public void Dispose()
    {
        _trained.Dispose();
        _module.Dispose();
    }

    [Fact]
    public void Sample_that_is_not_finite_is_named_with_its_patient()
    {
        using var batch = Batch(spoiled: 1);
        Assert.StartsWith("the bravo of patient P1 has values that are not finite", Find(batch), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_named()
    {
        using var batch = Batch();
        using (torch.no_grad())
            _trained.Parameters[0].fill_(Tensors.Scalars.S(double.NaN));
        Assert.StartsWith("weights of the denoiser are not finite", Find(batch), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Precision.Bfloat16, 1.0, 1, "use precision: float32")]
    [InlineData(Precision.Bfloat16, double.NaN, 1, "it is the network itself")]
    [InlineData(Precision.Float32, 1.0, 1, "it is the network itself")]
    [InlineData(Precision.Float32, 1.0, 7, "the 6 steps before it were finite; use a lower learning_rate")]
    public void Precision_network_and_learning_rate_are_told_apart(Precision precision, double inFloat32, long step, string expected)
    {
        using var batch = Batch();
        Assert.Contains(expected, NonFiniteCause.Find(batch, [_trained], step, precision, () => inFloat32), StringComparison.Ordinal);
    }

    private string Find(Batch batch) => NonFiniteCause.Find(batch, [_trained], 1, Precision.Float32, () => 1);

    private static Batch Batch(int? spoiled = null)
    {
        var bravo = torch.ones([2L, 1, 2, 2, 2]);
        if (spoiled is { } patient)
            bravo[patient].fill_(Tensors.Scalars.S(double.PositiveInfinity));
        return new Batch
        {
            Patients = ["P0", "P1"],
            Images = new Dictionary<string, torch.Tensor> { ["bravo"] = bravo },
            RealSlices = [2, 2],
        };
    }
}
