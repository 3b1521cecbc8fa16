using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.SecondGood;

public sealed record NoOptions;

[Metric("answer")]
public sealed class SameIdMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => new Fixed();
}

[Metric("second_answer")]
public sealed class AnswerMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => new Fixed();
}

internal sealed class Fixed : Metric
{
    public override MetricInputKind Needs => MetricInputKind.Features;

    public override bool HigherIsBetter => true;

    public override MetricResult Compute(Tensor real, Tensor generated) => new(Acme.Private.Answer.Value, [Acme.Private.Answer.Value]);
}
