using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>
/// The way from images to what is diffused and back: the compressors of target and condition, and the normalisation of their latents.
/// Nothing in it is trained.
/// </summary>
public sealed class LatentCodec : IDisposable
{
    private readonly LatentSpace _space;
    private readonly PartContext _context;
    private readonly Compressor _target;
    private readonly Compressor? _ownCondition;

    private LatentCodec(LatentSpace space, PartContext context)
    {
        (_space, _context) = (space, context);
        torch.random.manual_seed(RandomStreams.SeedOf(space.Seed, "compressor"));
        _target = MixedPrecision.Prepare(context, space.Compressor.Build(context, (c, options, given) => c.Create(options, given)));
        _ownCondition = space.HasCondition
            ? space.ConditionCompressor?.Build(context, (c, options, given) => MixedPrecision.Prepare(context, c.Create(options, given)))
            : null;
        _target.eval();
        _ownCondition?.eval();
    }

    /// <summary>Statistics by which latents are normalised.</summary>
    public LatentNormalization Normalization { get; set; } = LatentNormalization.None;

    /// <summary>Numbers of leading channels that are latents by themselves; see <see cref="Compressor.LatentPrefixes"/>.</summary>
    public IReadOnlyList<int> Prefixes => _target.LatentPrefixes;

    /// <summary>Parameters of all compressors.</summary>
    public long Parameters => Count(_target) + (_ownCondition is null ? 0 : Count(_ownCondition));

    /// <summary>Builds the compressors.</summary>
    /// <param name="space">Which compressors.</param>
    /// <param name="context">Where they are to be.</param>
    /// <param name="frozen">Their trained weights and the statistics, or null for fresh ones and none.</param>
    /// <exception cref="RunFolderException">The weights are not there, or damaged.</exception>
    /// <exception cref="InvalidDataException">They are another compressor's.</exception>
    public static LatentCodec Create(LatentSpace space, PartContext context, FrozenParts? frozen = null) =>
        Create(space, context, frozen, normalized: true);

    /// <summary>
    /// Builds the compressors to encode what is not normalised: to measure the statistics, which are not there or not right.
    /// </summary>
    internal static LatentCodec WithoutStatistics(LatentSpace space, PartContext context, FrozenParts frozen) =>
        Create(space, context, frozen, normalized: false);

    private static LatentCodec Create(LatentSpace space, PartContext context, FrozenParts? frozen, bool normalized)
    {
        var codec = new LatentCodec(space, context);
        try
        {
            if (IsTrained(space.Compressor, codec._target))
                frozen?.Load(FrozenParts.Compressor, codec._target);
            if (codec._ownCondition is not null && IsTrained(space.ConditionCompressor!, codec._ownCondition))
                frozen?.Load(FrozenParts.ConditionCompressor, codec._ownCondition);
            codec.Normalization = (normalized && frozen is not null ? new NormalizationFile(frozen).Read() : null)
                ?? LatentNormalization.None;
            return codec;
        }
        catch
        {
            codec.Dispose();
            throw;
        }
    }

    /// <summary>Refuses to go on without the statistics that are needed.</summary>
    /// <param name="frozen">Where they were looked for.</param>
    /// <exception cref="RunFolderException">They are not there.</exception>
    public void RequireStatistics(FrozenParts frozen)
    {
        if ((_space.NormalizesTarget && Normalization.Target is null) || (_space.NormalizesCondition && Normalization.Condition is null))
            throw new NormalizationFile(frozen).Missing();
    }

    /// <summary>Latents of target and condition, normalised.</summary>
    /// <param name="batch">Its latents are taken where it has them; else its images are encoded.</param>
    public LatentPair Encode(Batch batch)
    {
        using var _ = torch.no_grad();
        var raw = batch.Latents is { } known
            ? new LatentPair(known.Target.to(_context.Device), known.Condition?.to(_context.Device))
            : EncodeRaw(batch.Images);
        return new LatentPair(
            Normalization.Target?.Normalize(raw.Target) ?? raw.Target,
            raw.Condition is null ? null : Normalization.Condition?.Normalize(raw.Condition) ?? raw.Condition);
    }

    /// <summary>Latents of target and condition as the compressors give them.</summary>
    /// <param name="images">Images by kind, <c>[B, 1, D, H, W]</c> on any device.</param>
    public LatentPair EncodeRaw(IReadOnlyDictionary<string, Tensor> images)
    {
        using var _ = torch.no_grad();
        return new LatentPair(
            Encode(_space.Compressor, _target, images, _space.Target),
            EncodeRawCondition(images));
    }

    /// <summary>Latent of the image condition alone, normalised, or null where there is none.</summary>
    public Tensor? EncodeCondition(IReadOnlyDictionary<string, Tensor> images)
    {
        using var _ = torch.no_grad();
        return EncodeRawCondition(images) is { } raw ? Normalization.Condition?.Normalize(raw) ?? raw : null;
    }

    /// <summary>Volumes <c>[B, C, D, H, W]</c> in [0, 1] from latents.</summary>
    public Tensor Decode(Tensor latent)
    {
        using var _ = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        return Values(latent).clamp(Scalars.S(0.0), Scalars.S(1.0)).MoveToOuterDisposeScope();
    }

    /// <summary>The same with gradient, and not clamped; in the current dispose scope.</summary>
    public Tensor Restored(Tensor latent) => Values(latent);

    /// <summary>The nearest latent of a volume from 0 to 1; null for learned compressors.</summary>
    public Func<Tensor, Tensor>? Clip => _space.Compressor.Part.IsLearned ? null : latent =>
    {
        using var scope = torch.NewDisposeScope();
        var clipped = _space.Compressor.Run(() => _target.Encode(Decode(latent)));
        return (Normalization.Target?.Normalize(clipped) ?? clipped).MoveToOuterDisposeScope();
    };

    /// <summary>Weights of voxels where a compressor that only moves voxels puts them.</summary>
    /// <param name="weights"><c>[B, 1, D, H, W]</c>, the same for all kinds of the target.</param>
    /// <returns>A weight for each number of the target's latent <c>[B, c, d, h, w]</c>.</returns>
    public Tensor Moved(Tensor weights)
    {
        using var _ = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var each = weights.expand(-1, _space.Target.Count, -1, -1, -1);
        return _space.Compressor.Run(() => _target.Encode(each)).MoveToOuterDisposeScope();
    }

    private Tensor Values(Tensor latent)
    {
        var decoded = InPrecision(() => _space.Compressor.Run(() => _target.Decode(Normalization.Target?.Denormalize(latent) ?? latent)));
        return _space.Options.Output == DecodedValues.Logits ? decoded.sigmoid() : decoded;
    }

    private Tensor? EncodeRawCondition(IReadOnlyDictionary<string, Tensor> images) => !_space.HasCondition
        ? null
        : Encode(
            _ownCondition is null ? _space.Compressor : _space.ConditionCompressor!, _ownCondition ?? _target, images, _space.Condition);

    private Tensor Encode(
        PlannedPart<ICompressor> planned, Compressor compressor, IReadOnlyDictionary<string, Tensor> images, IReadOnlyList<string> kinds)
    {
        using var scope = torch.NewDisposeScope();
        var volume = torch.cat([.. kinds.Select(kind => images[kind].to(_context.Device))], 1);
        var latent = InPrecision(() => planned.Run(() => compressor.Encode(volume)));
        var shape = planned.Call((part, options) => part.LatentShape(options, VolumeShape.Of(volume))).Batch(volume.shape[0]);
        return planned.Checked("encodes to", latent, shape, volume.device).MoveToOuterDisposeScope();
    }

    /// <summary>A compressor without weights only moves voxels, which bfloat16 would round.</summary>
    private Tensor InPrecision(Func<Tensor> compute) =>
        _space.Compressor.Part.IsLearned ? MixedPrecision.Compute(_context, compute) : compute();

    /// <summary>Whether a compressor is worth nothing without weights that were trained.</summary>
    private static bool IsTrained(PlannedPart<ICompressor> planned, Compressor compressor) =>
        planned.Part.IsLearned && compressor.state_dict().Count > 0;

    private static long Count(nn.Module module) => module.parameters().Sum(p => p.numel());

    /// <summary>Frees the compressors.</summary>
    public void Dispose()
    {
        _target.Dispose();
        _ownCondition?.Dispose();
    }
}
