using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.DiT;

/// <summary>
/// The diffusion transformer in three dimensions (arXiv:2212.09748), with learned positions and normalised queries and keys.
/// Trained on rectified flow it is what others call SiT (arXiv:2401.08740).
/// </summary>
[Architecture("dit", Summary = "3-D diffusion transformer on patches, with adaLN-Zero; also known as SiT.")]
public sealed class DiTArchitecture : IArchitecture<DiTOptions>, IReadsWeights
{
    /// <inheritdoc/>
    public DiTOptions Tiny => new() { PatchSize = 8, HiddenSize = 24, Depth = 2, NumHeads = 2 };

    /// <inheritdoc/>
    public DiTOptions Fit(DiTOptions options, DiffusionShape shape)
    {
        if (options.CrossAttends && shape.ConditionChannels == 0)
            throw new PlanException(
                "conditioning is cross_attn but there is no image condition to attend to; name one or use conditioning: concat",
                "conditioning");

        var latent = shape.Latent;
        var complete = options with
        {
            InChannels = options.CrossAttends
                ? Fitting.Agree(
                    options.InChannels, latent.Channels, "in_channels",
                    $"the latent, without the condition, has {latent.Channels} channels")
                : Fitting.InChannels(options.InChannels, shape),
            OutChannels = Fitting.OutChannels(options.OutChannels, shape),
            ConditionChannels = options.CrossAttends
                ? Fitting.Agree(
                    options.ConditionChannels, shape.ConditionChannels, "condition_channels",
                    $"the condition has {shape.ConditionChannels} channels")
                : options.ConditionChannels,
            DepthSize = Fitting.Agree(options.DepthSize, latent.Depth, "depth_size", $"the latent has {latent.Depth} slices"),
            InputSize = Fitting.Agree(options.InputSize, latent.Height, "input_size", $"the latent has {latent.Height} rows"),
            WidthSize = Fitting.Agree(options.WidthSize, latent.Width, "width_size", $"the latent has {latent.Width} columns"),
        };
        RefuseInconsistency(complete);
        return complete;
    }

    /// <inheritdoc/>
    public DenoiserFacts Describe(DiTOptions options, DiffusionShape shape)
    {
        using var scope = NewDisposeScope();
        using var network = new DiffusionTransformer(options, PartContext.Meta);
        return DenoiserFacts.Of(network.Saved()) with { Tokens = options.Tokens };
    }

    /// <inheritdoc/>
    public Denoiser Create(DiTOptions options, PartContext context)
    {
        Require(options.InChannels, "in_channels");
        Require(options.OutChannels, "out_channels");
        Require(options.DepthSize, "depth_size");
        Require(options.InputSize, "input_size");
        if (options.CrossAttends)
            Require(options.ConditionChannels, "condition_channels");
        RefuseInconsistency(options);
        return new DiffusionTransformer(options, context);
    }

    private static void Require(int? option, string key)
    {
        if (option is null)
            throw new PlanException($"{key} is not known, without which the transformer has no size; set {key}", key);
    }

    private static void RefuseInconsistency(DiTOptions options)
    {
        if (options.HiddenSize % options.NumHeads != 0)
            throw new PlanException(
                $"hidden_size {options.HiddenSize} does not divide into {options.NumHeads} heads; take a multiple or change num_heads",
                "hidden_size");
        if (options.HiddenSize % 2 != 0)
            throw new PlanException(
                $"hidden_size is {options.HiddenSize} but positions are pairs of sine and cosine; take an even one", "hidden_size");
        if (options.ConditionChannels is not null && !options.CrossAttends)
            throw new PlanException(
                "condition_channels goes with conditioning: cross_attn only; a concatenated condition counts in in_channels",
                "condition_channels");
        RefuseRemainder(options);
        RefuseLength(options);
    }

    private static void RefuseRemainder(DiTOptions options)
    {
        var (grid, patch) = (options.Input, options.PatchSize);
        Fitting.RefuseRemainder(
            grid, patch, "patch_size",
            remainder =>
                $"latent {grid.Height}×{grid.Width} with patch_size {patch} and depth {grid.Depth}: {remainder.Axis} is not divisible by "
                + $"{patch}; {(NearestPatch(options) is { } other ? $"use patch_size: {other} or " : "")}"
                + $"pad the {remainder.Axis} to {remainder.Padded}");
    }

    private static void RefuseLength(DiTOptions options)
    {
        if (options.Tokens <= options.MaxTokens)
            return;
        var grid = options.Input;
        var remedy = NearestPatch(options) is { } other
            ? $"use patch_size: {other} ({options.TokensWith(other):N0} tokens)"
            : "compress more";
        throw new PlanException(
            $"latent {grid.Height}×{grid.Width} with patch_size {options.PatchSize} and depth {grid.Depth} makes "
            + $"{options.Tokens:N0} tokens, more than max_tokens {options.MaxTokens:N0}; {remedy} or raise max_tokens",
            "patch_size");
    }

    /// <summary>
    /// The patch size nearest to the given one that divides the grid into few enough tokens, or null where there is none.
    /// </summary>
    private static int? NearestPatch(DiTOptions options)
    {
        var grid = options.Input;
        return Enumerable.Range(1, Math.Min(grid.Depth, Math.Min(grid.Height, grid.Width)))
            .Where(patch => grid.Depth % patch == 0 && grid.Height % patch == 0 && grid.Width % patch == 0)
            .Where(patch => options.TokensWith(patch) <= options.MaxTokens)
            .OrderBy(patch => Math.Abs(patch - options.PatchSize))
            .Select(patch => (int?)patch)
            .FirstOrDefault();
    }

    /// <inheritdoc/>
    public WeightReading Read(WeightShapes shapes) => DiTWeights.Read(shapes);
}
