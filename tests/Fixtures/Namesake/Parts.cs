using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.Namesake;

public sealed record NoOptions;

[Metric("mse")]
public sealed class OtherError : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => new Fixed();

    private sealed class Fixed : Metric
    {
        public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

        public override bool HigherIsBetter => false;

        public override MetricResult Compute(Tensor real, Tensor generated) => new(-1, [-1]);
    }
}
