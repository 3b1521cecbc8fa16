using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.VQVAE;

/// <summary>Reads weights of MONAI's <c>VQVAE</c>.</summary>
internal static class VQVAEWeights
{
    private const string Codebook = "quantizer.quantizer.embedding.weight";

    public static WeightReading Read(WeightShapes shapes)
    {
        int[] blocks = [.. Enumerable.Range(0, shapes.Count("encoder.blocks"))];
        // each level halves by a convolution, which residual layers follow; the last convolution leads to the codebook
        int[] halvings = [.. blocks.Where(block => shapes.Has($"encoder.blocks.{block}.conv")).SkipLast(1)];
        if (halvings.Length == 0)
            throw new PlanException("the weights have no convolution `encoder.blocks.0.conv`, by which the network would be known");
        int[] doublings =
        [
            .. Enumerable.Range(1, Math.Max(0, shapes.Count("decoder.blocks") - 1))
                .Where(block => shapes.Has($"decoder.blocks.{block}.conv")),
        ];
        var layers = (halvings.Length > 1 ? halvings[1] : blocks.Length - 1) - 1;
        return new WeightReading(new VQVAEOptions
        {
            InChannels = shapes.Size("encoder.blocks.0.conv.weight", 1),
            OutChannels = shapes.Size($"decoder.blocks.{(doublings.Length > 0 ? doublings[^1] : 0)}.conv.weight", 1), // transposed
            Channels = [.. halvings.Select(block => shapes.Size($"encoder.blocks.{block}.conv.weight", 0))],
            NumResLayers = layers,
            NumResChannels = [.. halvings.Select(block => layers == 0
                ? shapes.Size($"encoder.blocks.{block}.conv.weight", 0)
                : shapes.Size($"encoder.blocks.{block + 1}.conv1.conv.weight", 0))],
            DownsampleParameters = [.. halvings.Select(block => Halving(shapes.Size($"encoder.blocks.{block}.conv.weight", 2)))],
            UpsampleParameters =
            [
                .. doublings.Select(block => (int[])[.. Halving(shapes.Size($"decoder.blocks.{block}.conv.weight", 2)), 0]),
            ],
            NumEmbeddings = shapes.Size(Codebook, 0),
            EmbeddingDim = shapes.Size(Codebook, 1),
        })
        {
            Assumed = ["downsample_parameters", "upsample_parameters", "commitment_cost", "decay", "epsilon"],
        };
    }

    /// <summary>Stride 2, the kernel, dilation 1, and the padding by which sizes halve.</summary>
    private static int[] Halving(int kernel) => [2, kernel, 1, (kernel - 1) / 2];
}
