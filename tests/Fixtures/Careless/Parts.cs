using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.Careless;

public sealed class ClassOptions
{
    public int Width { get; set; } = 1;
}

[Metric("no_record")]
public sealed class NoRecord : IMetric<ClassOptions>
{
    public Metric Create(ClassOptions options, PartContext context) => throw new NotSupportedException();
}

public sealed record FunctionOptions
{
    public Func<double, double> Law { get; init; } = t => t;
}

[Metric("function_option")]
public sealed class FunctionOption : IMetric<FunctionOptions>
{
    public Metric Create(FunctionOptions options, PartContext context) => throw new NotSupportedException();
}

public sealed record TimeOptions
{
    public TimeSpan? Patience { get; init; }
}

[Metric("time_option")]
public sealed class TimeOption : IMetric<TimeOptions>
{
    public Metric Create(TimeOptions options, PartContext context) => throw new NotSupportedException();
}

public sealed record LowOptions
{
    [Range(8, 64)]
    public int Width { get; init; } = 3;
}

[Metric("low_default")]
public sealed class LowDefault : IMetric<LowOptions>
{
    public Metric Create(LowOptions options, PartContext context) => throw new NotSupportedException();
}

public sealed record TakenOptions
{
    public bool? Normalize { get; init; }
}

/// <summary>Divides what it is given by two, in place, and has an option that the engine takes.</summary>
[Compressor("in_place")]
public sealed class InPlace : ICompressor<TakenOptions>
{
    public bool IsLearned => false;

    public VolumeShape LatentShape(TakenOptions options, VolumeShape volume) => volume;

    public Compressor Create(TakenOptions options, PartContext context) => new Halving();

    private sealed class Halving() : Compressor(nameof(Halving))
    {
        public override Tensor Encode(Tensor volume) => volume.mul_(Tensors.Scalars.S(0.5)).alias();

        public override Tensor Decode(Tensor latent) => latent * Tensors.Scalars.S(2.0);
    }
}

public sealed record FilledOptions
{
    public int InChannels { get; init; } = 1;

    public int OutChannels { get; init; } = 1;

    public FilledGrid Grid { get; init; } = new();
}

public sealed record FilledGrid
{
    public int Depth { get; init; } = 1;

    public int Levels { get; init; } = 2;
}

/// <summary>Takes its channels and its grid from the experiment, whatever that writes.</summary>
[Architecture("filling")]
public sealed class Filling : IArchitecture<FilledOptions>
{
    public FilledOptions Fit(FilledOptions options, DiffusionShape shape) => options with
    {
        InChannels = shape.InputChannels,
        OutChannels = shape.Latent.Channels,
        Grid = options.Grid with { Depth = shape.Latent.Depth },
    };

    public Denoiser Create(FilledOptions options, PartContext context) =>
        new Network(options.InChannels, options.OutChannels, context.Device);

    private sealed class Network : Denoiser
    {
        private readonly TorchSharp.Modules.Conv3d conv;

        public Network(int from, int to, Device device)
            : base(nameof(Network))
        {
            conv = nn.Conv3d(from, to, 1L, device: device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
        {
            sample.add_(Tensors.Scalars.S(1.0));
            return conv.call(conditioning.Concatenate(sample));
        }
    }
}
