using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.Throwing;

public sealed record NoOptions;

[Metric("throws_in_constructor")]
public sealed class ConstructorMetric : IMetric<NoOptions>
{
    public ConstructorMetric() => throw new InvalidOperationException("thrown in the constructor");

    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
}

[Metric("throws_in_static_constructor")]
public sealed class StaticConstructorMetric : IMetric<NoOptions>
{
    static StaticConstructorMetric() => throw new InvalidOperationException("thrown in the static constructor");

    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
}

[Metric("throws_in_create")]
public sealed class CreateMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => throw new InvalidOperationException("thrown in Create");
}

[Metric("throws_in_compute")]
public sealed class ComputeMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => new Thrower();

    private sealed class Thrower : Metric
    {
        public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

        public override bool HigherIsBetter => true;

        public override MetricResult Compute(Tensor real, Tensor generated) => throw new InvalidOperationException("thrown in Compute");
    }
}
