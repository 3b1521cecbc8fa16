using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.DiT;

/// <summary>Reads weights of this transformer, whose names are those of the public DiT and SiT.</summary>
internal static class DiTWeights
{
    private const string Patches = "x_embedder.proj.weight", Positions = "pos_embed", Norm = "blocks.0.attn.q_norm.weight";

    public static WeightReading Read(WeightShapes shapes)
    {
        var (hidden, patch, tokens) = (shapes.Size(Patches, 0), shapes.Size(Patches, 2), shapes.Size(Positions, 1));
        var crosses = shapes.Has("cond_embedder");
        var normed = shapes.Has("blocks.0.attn.q_norm");
        var edge = (int)Math.Round(Math.Cbrt(tokens));
        var options = new DiTOptions
        {
            InChannels = shapes.Size(Patches, 1),
            OutChannels = shapes.Size("final_layer.linear.weight", 0) / (patch * patch * patch),
            PatchSize = patch,
            HiddenSize = hidden,
            Depth = shapes.Count("blocks"),
            MlpRatio = shapes.Size("blocks.0.mlp.fc1.weight", 0) / (double)hidden,
            QkNorm = normed,
            Conditioning = crosses ? ImageConditioning.CrossAttn : ImageConditioning.Concat,
            ConditionChannels = crosses ? shapes.Size("cond_embedder.proj.weight", 1) : null,
        };
        return new WeightReading(options with
        {
            NumHeads = normed ? hidden / shapes.Size(Norm, 0) : WeightShapes.Divisor(options.NumHeads, hidden),
            // positions tell how many patches there are, and not along which axis
            InputSize = edge * edge * edge == tokens ? edge * patch : null,
            DepthSize = edge * edge * edge == tokens ? edge * patch : null,
        })
        {
            Assumed = [.. normed ? [] : (string[])["num_heads"], "learn_sigma", "input_size", "width_size", "depth_size"],
        };
    }
}
