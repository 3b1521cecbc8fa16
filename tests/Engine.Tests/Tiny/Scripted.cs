using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Tiny;

/// <summary>Has the values that it is given, one after the other, or throws.</summary>
internal sealed class Scripted(params double[] values) : IMetric<NoOptions>
{
    private int _asked;

    public bool HigherIsBetter { get; init; }

    public double? BestValue { get; init; }

    public Exception? Error { get; init; }

    public Metric Create(NoOptions options, PartContext context) => new Values(this);

    private sealed class Values(Scripted script) : SetMetric
    {
        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override bool HigherIsBetter => script.HigherIsBetter;

        public override double? BestValue => script.BestValue;

        public override string Extractor => "nothing";

        public override Tensor Features(Tensor volumes) => zeros([1, 1]);

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            if (script.Error is { } error)
                throw error;
            return MetricResult.Mean([script.Next()]);
        }
    }

    private double Next() => values[_asked++];
}
