using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.UNet3D;

/// <summary>Reads weights of MONAI's <c>DiffusionModelUNet</c>, of today and of the package MONAI Generative before it.</summary>
internal static partial class UNet3DWeights
{
    /// <summary>Today's name of a tensor: attention was renamed, and the convolution after an upsampling.</summary>
    public static string OwnName(string name) => Upsampler().Replace(
        Attention().Replace(name, match => $"{match.Groups[1].Value}.attn.{match.Groups[2].Value.Replace("proj_attn", "out_proj")}."),
        "upsampler.postconv.conv.");

    public static WeightReading Read(WeightShapes shapes)
    {
        if (shapes.Has("down_blocks.0") && Enumerable.Range(0, shapes.Count("down_blocks")).Any(level => shapes.Has(Transformer(level))))
            throw new PlanException("the weights are of a network with cross-attention (with_conditioning), which unet3d has not");
        int[] levels = [.. Enumerable.Range(0, shapes.Count("down_blocks"))];
        int[] channels = [.. levels.Select(level => shapes.Size($"down_blocks.{level}.resnets.0.conv1.conv.weight", 0))];
        bool[] attends = [.. levels.Select(level => shapes.Has($"down_blocks.{level}.attentions"))];
        var options = new UNet3DOptions
        {
            InChannels = shapes.Size("conv_in.conv.weight", 1),
            OutChannels = shapes.Size("out.2.conv.weight", 0),
            Channels = channels,
            NumResBlocks = [.. levels.Select(level => shapes.Count($"down_blocks.{level}.resnets"))],
            AttentionLevels = attends,
            ResblockUpdown = shapes.Has("down_blocks.0.downsampler.conv1"),
        };
        return new WeightReading(options with
        {
            // the middle block has the width of the last level, and always attends
            NumHeadChannels = WeightShapes.Divisor(
                options.NumHeadChannels, [.. levels.Where(level => attends[level]).Select(level => channels[level]), channels[^1]]),
            NormNumGroups = WeightShapes.Divisor(options.NormNumGroups, channels),
        })
        {
            Assumed = ["num_head_channels", "norm_num_groups", "norm_eps"],
        };
    }

    private static string Transformer(int level) => $"down_blocks.{level}.attentions.0.transformer_blocks";

    [GeneratedRegex(@"(attentions\.\d+|middle_block\.attention)\.(to_q|to_k|to_v|proj_attn)\.")]
    private static partial Regex Attention();

    [GeneratedRegex(@"upsampler\.conv\.conv\.")]
    private static partial Regex Upsampler();
}
