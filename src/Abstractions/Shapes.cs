namespace VoxelZoo.Abstractions;

/// <summary>The shape of one volume or latent without the batch: <c>[C, D, H, W]</c>.</summary>
/// <param name="Channels">Channels C.</param>
/// <param name="Depth">Slices D.</param>
/// <param name="Height">Rows H.</param>
/// <param name="Width">Columns W.</param>
public readonly record struct VolumeShape(int Channels, int Depth, int Height, int Width)
{
    /// <summary>Voxels of one channel, D·H·W.</summary>
    public long Voxels => (long)Depth * Height * Width;

    /// <summary>Elements of all channels, C·D·H·W.</summary>
    public long Elements => Channels * Voxels;

    /// <summary>The tensor shape <c>[B, C, D, H, W]</c>.</summary>
    public long[] Batch(long count) => [count, Channels, Depth, Height, Width];

    /// <summary>The same channels on a grid whose sizes are these divided by <paramref name="factor"/>, rounded down.</summary>
    public VolumeShape Coarser(int factor) => new(Channels, Depth / factor, Height / factor, Width / factor);

    /// <summary>The same channels on a grid whose sizes are these times <paramref name="factor"/>.</summary>
    public VolumeShape Finer(int factor) => new(Channels, Depth * factor, Height * factor, Width * factor);

    /// <summary>Shape of the tensor <c>[B, C, D, H, W]</c> or <c>[C, D, H, W]</c>.</summary>
    public static VolumeShape Of(TorchSharp.torch.Tensor volume)
    {
        var shape = volume.shape.AsSpan();
        if (shape.Length is not (4 or 5))
            throw new ArgumentException($"a volume has 4 or 5 dimensions, this tensor has {shape.Length}", nameof(volume));
        var s = shape[^4..];
        return checked(new VolumeShape((int)s[0], (int)s[1], (int)s[2], (int)s[3]));
    }

    /// <summary>For messages: <c>2×160×128×128</c>.</summary>
    public override string ToString() => $"{Channels}×{Depth}×{Height}×{Width}";
}

/// <summary>Voxel size in millimetres. The one canonical order is (D, H, W).</summary>
/// <param name="Depth">Slice pitch in mm.</param>
/// <param name="Height">Row pitch in mm.</param>
/// <param name="Width">Column pitch in mm.</param>
public readonly record struct Spacing(double Depth, double Height, double Width);

/// <summary>The shapes between which an experiment's parts work.</summary>
/// <param name="Volume">The target as it is on disk after preprocessing: one channel for each target image.</param>
/// <param name="Latent">The target in the space in which diffusion runs; equal to <paramref name="Volume"/> without compression.</param>
/// <param name="ConditionChannels">Channels of the image condition, on the grid of <paramref name="Latent"/>; 0 without.</param>
public sealed record DiffusionShape(VolumeShape Volume, VolumeShape Latent, int ConditionChannels)
{
    /// <summary>Channels that enter a network which concatenates the condition to the noisy sample.</summary>
    public int InputChannels => Latent.Channels + ConditionChannels;
}
