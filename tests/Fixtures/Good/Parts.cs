using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.Good;

public sealed record AnswerOptions
{
    [Range(0.0, 10.0)]
    public double Scale { get; init; } = 1;
}

/// <summary>A metric whose value tells which private dependency it got: 1 by default.</summary>
[Metric("answer", Summary = "Always the same.")]
public sealed class AnswerMetric : IMetric<AnswerOptions>
{
    public Metric Create(AnswerOptions options, PartContext context) => new Fixed(Acme.Private.Answer.Value * options.Scale);

    private sealed class Fixed(double value) : Metric
    {
        public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

        public override bool HigherIsBetter => true;

        public override MetricResult Compute(Tensor real, Tensor generated) => new(value, [value, double.NaN]);
    }
}

public sealed record ScaleOptions
{
    public double Factor { get; init; } = 2;
}

/// <summary>A compressor that multiplies by a factor that is no power of ten.</summary>
[Compressor("scale")]
public sealed class ScaleCompressor : ICompressor<ScaleOptions>
{
    public bool IsLearned => false;

    public VolumeShape LatentShape(ScaleOptions options, VolumeShape volume) => volume;

    public Compressor Create(ScaleOptions options, PartContext context) =>
        options.Factor == 0 ? throw new PlanException("factor 0 loses everything; use another", "factor") : new Scale(options.Factor);

    private sealed class Scale(double factor) : Compressor(nameof(Scale))
    {
        public override Tensor Encode(Tensor volume) => volume * Tensors.Scalars.S(factor);

        public override Tensor Decode(Tensor latent) => latent / Tensors.Scalars.S(factor);
    }
}
