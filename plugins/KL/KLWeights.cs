using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.KL;

/// <summary>Reads weights of MONAI's <c>AutoencoderKL</c>, of today and of the package MONAI Generative before it.</summary>
internal static partial class KLWeights
{
    private enum Kind
    {
        ResBlock,
        Attention,
        Resampling,
    }

    /// <summary>Today's name of a tensor: attention was renamed, and the convolution after an upsampling.</summary>
    public static string OwnName(string name) => Upsampling().Replace(
        Attention().Replace(name, match => $"{match.Groups[1].Value}.attn.{match.Groups[2].Value.Replace("proj_attn", "out_proj")}."),
        "$1.postconv.conv.");

    public static WeightReading Read(WeightShapes shapes)
    {
        var levels = Levels(shapes, "encoder");
        // attention and a block after the last level's own: no level ends with a block where it attends
        var encoderEnds = levels[^1] is [.., (_, Kind.ResBlock)] && Attends(levels[^1]);
        if (encoderEnds)
            levels[^1] = levels[^1][..^3];
        int[] channels = [.. levels.Select(level => shapes.Size($"encoder.blocks.{level[0].Block}.conv1.conv.weight", 0))];
        int[] blocks = [.. levels.Select(Blocks)];
        var decoder = Levels(shapes, "decoder");
        var options = new KLOptions
        {
            InChannels = shapes.Size("encoder.blocks.0.conv.weight", 1),
            OutChannels = shapes.Size($"decoder.blocks.{shapes.Count("decoder.blocks") - 1}.conv.weight", 0),
            Channels = channels,
            NumResBlocks = blocks,
            AttentionLevels = [.. levels.Select(Attends)],
            LatentChannels = shapes.Size("quant_conv_mu.conv.weight", 0),
            WithEncoderNonlocalAttn = encoderEnds,
            WithDecoderNonlocalAttn = Blocks(decoder[0]) > blocks[^1],
            UseConvtranspose = Enumerable.Range(0, shapes.Count("decoder.blocks"))
                .Any(block => shapes.Has($"decoder.blocks.{block}.deconv")),
        };
        return new WeightReading(options with { NormNumGroups = WeightShapes.Divisor(options.NormNumGroups, channels) })
        {
            Assumed = ["norm_num_groups", "norm_eps"],
        };
    }

    /// <summary>
    /// The blocks of each level in their order, without those that resample; the first block and the last two are none of a level.
    /// </summary>
    private static List<(int Block, Kind Kind)[]> Levels(WeightShapes shapes, string coder)
    {
        List<(int, Kind)[]> levels = [[]];
        for (var block = 1; block < shapes.Count($"{coder}.blocks") - 2; block++)
        {
            var kind = shapes.Has($"{coder}.blocks.{block}.conv1") ? Kind.ResBlock
                : shapes.Has($"{coder}.blocks.{block}.attn") ? Kind.Attention
                : Kind.Resampling;
            if (kind == Kind.Resampling)
                levels.Add([]);
            else
                levels[^1] = [.. levels[^1], (block, kind)];
        }

        return levels.TrueForAll(level => level is [(_, Kind.ResBlock), ..])
            ? levels
            : throw new PlanException(
                $"the weights have no residual blocks `{coder}.blocks.1.conv1` at each level, by which the network would be known");
    }

    private static int Blocks((int Block, Kind Kind)[] level) => level.Count(one => one.Kind == Kind.ResBlock);

    private static bool Attends((int Block, Kind Kind)[] level) => level.Any(one => one.Kind == Kind.Attention);

    [GeneratedRegex(@"^((?:en|de)coder\.blocks\.\d+)\.(to_q|to_k|to_v|proj_attn)\.")]
    private static partial Regex Attention();

    [GeneratedRegex(@"^(decoder\.blocks\.\d+)\.conv\.conv\.")]
    private static partial Regex Upsampling();
}
