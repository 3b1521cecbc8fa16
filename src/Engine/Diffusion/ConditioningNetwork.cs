using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// Turns scalars into a modulation of the time embedding e: size bins into scale and shift (FiLM), the modality and an augmentation's omega
/// into further shifts. Last layers start at zero, so that a new network modulates nothing. Keys: <c>size_bins.*</c>,
/// <c>modality.*</c>, <c>omega.*</c>.
/// </summary>
internal sealed class ConditioningNetwork : nn.Module
{
    private readonly SizeBinEmbedding? size_bins;
    private readonly Sequential? modality, omega;

    private ConditioningNetwork(SizeBinEmbedding? sizeBins, Sequential? modality, Sequential? omega)
        : base("conditioning")
    {
        (size_bins, this.modality, this.omega) = (sizeBins, modality, omega);
        RegisterComponents();
    }

    /// <summary>
    /// The network that a plan needs for a denoiser whose time embedding has <paramref name="embedding"/> numbers, or null.
    /// </summary>
    /// <param name="bins">Size bins, or null.</param>
    /// <param name="modalities">How many modalities there are to tell apart, or 0.</param>
    /// <param name="omegaSize">Length of omega, or 0.</param>
    /// <param name="embedding">Length E of the time embedding, or 0 where the denoiser takes no modulation.</param>
    /// <param name="device">Device of the parameters.</param>
    /// <exception cref="PlanException">The denoiser takes no modulation.</exception>
    public static ConditioningNetwork? Create(SizeBinOptions? bins, int modalities, int omegaSize, int embedding, Device device)
    {
        var film = bins is { Through: SizeBinRoute.Film } ? bins : null;
        if (film is null && modalities == 0 && omegaSize == 0)
            return null;
        if (embedding == 0)
        {
            throw modalities > 0
                ? new PlanException("modalities are told apart by a shift of the time embedding, but this architecture's cannot be "
                    + "modulated; use another architecture", "modalities").In("condition")
                : film is null
                ? new PlanException(
                    "an augmentation tells the denoiser how it augmented (omega), but this architecture's time embedding cannot be "
                    + "modulated; switch omega off or take another architecture").In("augmentations")
                : new PlanException(
                    "size bins modulate the time embedding (film), but this architecture's cannot be modulated; "
                    + "use through: maps or another architecture",
                    "size_bins").In("condition");
        }

        return new ConditioningNetwork(
            film is null ? null : new SizeBinEmbedding(film, embedding, device),
            modalities == 0 ? null : Projection([modalities, embedding, embedding], device),
            omegaSize == 0 ? null : Projection([omegaSize, embedding, embedding], device));
    }

    /// <summary>Scale and shift <c>[B, E]</c>, each null where nothing sets it.</summary>
    /// <param name="counts">Numbers of tumours, int64 <c>[B, 7]</c>; −1 throughout where the sample is unconditional.</param>
    /// <param name="made">Which modality is made, int64 <c>[B]</c>; −1 where the sample is unconditional.</param>
    /// <param name="told">Omega <c>[B, n]</c>, or null for none, which is all zeros.</param>
    /// <param name="batch">B.</param>
    public (Tensor? Scale, Tensor? Shift) Modulation(Tensor? counts, Tensor? made, Tensor? told, long batch)
    {
        Tensor? scale = null, shift = null;
        if (size_bins is not null)
            (scale, shift) = size_bins.Modulation(counts!);
        if (modality is not null)
            shift = Sum(shift, ShiftOf(made!));
        if (omega is null)
            return (scale, shift);
        using var none = told is null
            ? torch.zeros([batch, ((Linear)omega[0]).weight!.shape[1]], device: ((Linear)omega[0]).weight!.device)
            : null;
        var added = omega.call(told ?? none!).expand(batch, -1);
        return (scale, Sum(shift, added));
    }

    private static Tensor Sum(Tensor? shift, Tensor added) => shift is null ? added : shift + added;

    /// <summary>The shift <c>[B, E]</c> of each sample's modality; zeros where it is −1.</summary>
    private Tensor ShiftOf(Tensor made)
    {
        using var scope = torch.NewDisposeScope();
        var count = ((Linear)modality![0]).weight!.shape[1];
        var known = made.ge(S(0L)).to(ScalarType.Float32).unsqueeze(1);                          // [B, 1]
        var shift = modality.call(nn.functional.one_hot(made.clamp_min(S(0L)), count).to(ScalarType.Float32));
        return (shift.to(ScalarType.Float32) * known).MoveToOuterDisposeScope();
    }

    /// <summary>Linear layers with SiLU between them; the last one starts at zero.</summary>
    internal static Sequential Projection(IReadOnlyList<int> widths, Device device)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        for (var i = 1; i < widths.Count; i++)
        {
            if (i > 1)
                layers.Add(nn.SiLU());
            layers.Add(nn.Linear(widths[i - 1], widths[i], device: device));
        }

        var last = (Linear)layers[^1];
        nn.init.zeros_(last.weight!);
        nn.init.zeros_(last.bias!);
        return nn.Sequential(layers);
    }
}

/// <summary>Size bins to scale and shift: an embedding of each count, concatenated, through hidden layers.</summary>
internal sealed class SizeBinEmbedding : nn.Module
{
    /// <summary>Counts above it are taken for it.</summary>
    private const int LargestCount = 10;

    private readonly ModuleList<Embedding> tables = new();
    private readonly Sequential projection;

    public SizeBinEmbedding(SizeBinOptions options, int embedding, Device device)
        : base("size_bins")
    {
        var bins = TumourSizes.Edges.Count;
        for (var bin = 0; bin < bins; bin++)
            tables.Add(nn.Embedding(LargestCount + 1, options.Embedding, device: device));
        projection = ConditioningNetwork.Projection(
            [bins * options.Embedding, .. Enumerable.Repeat(options.Hidden ?? 2 * embedding, options.Layers), 2 * embedding], device);
        RegisterComponents();
    }

    /// <summary>Scale and shift <c>[B, E]</c>; zeros where the counts are −1.</summary>
    public (Tensor Scale, Tensor Shift) Modulation(Tensor counts)
    {
        using var scope = torch.NewDisposeScope();
        var known = counts.select(1, 0).ge(S(0L)).to(ScalarType.Float32).unsqueeze(1);           // [B, 1]
        var rows = counts.clamp(S(0L), S((long)LargestCount));
        var embedded = torch.cat([.. tables.Select((table, bin) => table.call(rows.select(1, bin)))], 1);
        var both = (projection.call(embedded).to(ScalarType.Float32) * known).chunk(2, 1);
        return (both[0].MoveToOuterDisposeScope(), both[1].MoveToOuterDisposeScope());
    }
}
