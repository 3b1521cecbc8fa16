using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.VQVAE;

// From latents to codes and back. All of it in float32 and outside of autocast: in half precision the moving averages stand still.

/// <summary>MONAI keeps the codebook two levels down: <c>quantizer.quantizer.embedding.weight</c>.</summary>
internal sealed class Quantizer : nn.Module
{
    private readonly Codebook quantizer;
    private readonly double _commitmentCost;

    public Quantizer(VQVAEOptions options, Device device)
        : base(nameof(Quantizer))
    {
        quantizer = new Codebook(options, device);
        _commitmentCost = options.CommitmentCost;
        RegisterComponents();
    }

    /// <summary>Index of the nearest code of each voxel of a latent <c>[B, c, d, h, w]</c>, int64 <c>[B, d, h, w]</c>.</summary>
    public Tensor Indices(Tensor latent)
    {
        using var scope = NewDisposeScope();
        using var exact = Autocast.Suspend(latent.device);
        return OnGrid(quantizer.Nearest(Vectors(latent)), latent).MoveToOuterDisposeScope();
    }

    /// <summary>The codes of indices <c>[B, d, h, w]</c>, as a latent <c>[B, c, d, h, w]</c>.</summary>
    public Tensor Codes(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var vectors = quantizer.Codes.index_select(0, indices.flatten()); // [n, c]
        return vectors.view([.. indices.shape, -1]).movedim([-1], [1]).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Quantises a latent <c>[B, c, d, h, w]</c> for training (arXiv:1711.00937, equation 3 and appendix A.1). In
    /// train mode the codebook follows it.
    /// </summary>
    public QuantizerPass Pass(Tensor latent, Generator random)
    {
        using var scope = NewDisposeScope();
        using var exact = Autocast.Suspend(latent.device);
        var z = latent.to_type(ScalarType.Float32);
        var vectors = Vectors(z.detach());                                // [n, c]
        var indices = quantizer.Nearest(vectors);                         // [n]
        var q = Codes(OnGrid(indices, latent));
        var loss = F.mse_loss(z, q) * S(_commitmentCost);                 // moves the encoder alone: q has no gradient
        var straightThrough = z + (q - z).detach();                       // q, with z's gradient

        var counts = quantizer.Count(indices);                            // [K]
        var dead = training ? quantizer.Update(vectors, indices, counts, random) : quantizer.Dead();
        return new QuantizerPass(straightThrough.MoveToOuterDisposeScope(), loss.MoveToOuterDisposeScope(), Measures(counts, dead));
    }

    private static Dictionary<string, double> Measures(Tensor counts, Tensor dead)
    {
        var share = counts / counts.sum();
        var perplexity = (share * (share + S(1e-10)).log()).sum().neg().exp();
        var usage = (counts > S(0L)).to_type(ScalarType.Float64).mean();
        // one transfer, because each makes an accelerator wait
        var numbers = stack([perplexity, usage, dead.sum().to_type(ScalarType.Float64)]).cpu().data<double>().ToArray();
        return new() { ["perplexity"] = numbers[0], ["usage"] = numbers[1], ["dead_codes"] = numbers[2] };
    }

    // a code for each voxel: [B, c, d, h, w] to [B·d·h·w, c]
    private static Tensor Vectors(Tensor latent) => latent.movedim([1], [-1]).reshape(-1, latent.shape[1]).to_type(ScalarType.Float32);

    private static Tensor OnGrid(Tensor perVoxel, Tensor latent) => perVoxel.view([latent.shape[0], .. latent.shape[2..]]);
}

/// <summary>What the quantiser computed in training.</summary>
/// <param name="Latent">The codes <c>[B, c, d, h, w]</c>, float32, through which the gradient passes to the encoder unchanged.</param>
/// <param name="Loss">The commitment loss, weighted; 0-dimensional float32.</param>
/// <param name="Measures">How the batch used the codebook.</param>
internal sealed record QuantizerPass(Tensor Latent, Tensor Loss, IReadOnlyDictionary<string, double> Measures);

/// <summary>
/// The codes and the moving averages from which training computes them: how many vectors chose each code, and the sum of those vectors.
/// No gradient changes them.
/// </summary>
internal sealed class Codebook : nn.Module
{
    // distances that are held at one time: 4 MiB, which stay in a CPU's cache and take half as long as 64 MiB
    private const long MaxDistances = 1 << 20;

    private readonly Codes embedding;
    private readonly Tensor ema_cluster_size;
    private readonly Tensor ema_w;
    private readonly double _decay;
    private readonly double _epsilon;
    private readonly double _reviveThreshold;

    public Codebook(VQVAEOptions options, Device device)
        : base(nameof(Codebook))
    {
        embedding = new Codes(options.NumEmbeddings, options.EmbeddingDim, device);
        // tensors that TorchSharp finds as fields stay in the scope in which the module is built, unless they are taken out of it
        ema_cluster_size = zeros(options.NumEmbeddings, device: device).DetachFromDisposeScope();
        ema_w = embedding.Weight.detach().clone().DetachFromDisposeScope();
        (_decay, _epsilon, _reviveThreshold) = (options.Decay, options.Epsilon, options.ReviveThreshold);
        RegisterComponents();
    }

    /// <summary>The codes, <c>[K, c]</c>, float32.</summary>
    public Tensor Codes => embedding.Weight;

    private long Size => Codes.shape[0];

    /// <summary>
    /// Index of the nearest code of each vector <c>[n, c]</c>, int64 <c>[n]</c>. Distances are computed for some vectors at a
    /// time, so that memory is bounded.
    /// </summary>
    public Tensor Nearest(Tensor vectors)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        // ‖z − e‖² without ‖z‖², which is the same for all codes
        var (squares, factors) = (Codes.square().sum(1), Codes.t() * S(-2.0));
        var nearest = new List<Tensor>();
        foreach (var some in vectors.split(Math.Max(1, MaxDistances / Size)))
        {
            using var distances = some.matmul(factors).add_(squares);     // [some, K]
            nearest.Add(distances.argmin(1));
        }

        return cat(nearest).MoveToOuterDisposeScope();
    }

    /// <summary>How many vectors chose each code, float64 <c>[K]</c>.</summary>
    public Tensor Count(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return bincount(indices, minlength: Size).to_type(ScalarType.Float64).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Moves the averages towards a batch, computes the codes from them, and lets codes that count as dead start anew. A batch that is not
    /// finite changes nothing: a training loop can leave out the step, but could not take this back.
    /// </summary>
    /// <param name="vectors">The batch, float32 <c>[n, c]</c>.</param>
    /// <param name="indices">Their nearest codes, <c>[n]</c>.</param>
    /// <param name="counts">How many vectors chose each code, <c>[K]</c>.</param>
    /// <param name="random">The stream from which new starts are drawn.</param>
    /// <returns>Which codes counted as dead before they started anew, bool <c>[K]</c>.</returns>
    public Tensor Update(Tensor vectors, Tensor indices, Tensor counts, Generator random)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        if (!vectors.isfinite().all().item<bool>())
            return Dead().MoveToOuterDisposeScope();

        // in float64, because a sum of some hundred thousand equal vectors, such as those of the background, drifts in float32
        var sums = zeros(ema_w.shape, ScalarType.Float64, ema_w.device).index_add_(0, indices, vectors.to_type(ScalarType.Float64), S(1L));
        ema_cluster_size.mul_(S(_decay)).add_(counts * S(1 - _decay));
        ema_w.mul_(S(_decay)).add_(sums * S(1 - _decay));

        var total = ema_cluster_size.sum();
        var smoothed = (ema_cluster_size + S(_epsilon)) / (total + S(Size * _epsilon)) * total;
        Codes.copy_(ema_w / smoothed.unsqueeze(1));

        var dead = Dead();
        if (_reviveThreshold > 0)
            Revive(dead, vectors, random);
        return dead.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Which codes count as dead, bool <c>[K]</c>: those that fewer vectors a pass than the threshold choose, in the moving average.
    /// Without revival, those that are so rare that their smoothing outweighs what they stand for.
    /// </summary>
    public Tensor Dead() => ema_cluster_size < S(_reviveThreshold > 0 ? _reviveThreshold : _epsilon);

    // The averages start anew too, or the next update would put the code back to where it was. Twice the threshold
    // gives it time to prove itself.
    private void Revive(Tensor dead, Tensor vectors, Generator random)
    {
        // one draw for every code, needed or not, so that the stream does not depend on how many are dead
        var drawn = randint(vectors.shape[0], [Size], generator: random).to(vectors.device);
        var (starts, size, rows) = (vectors.index_select(0, drawn), 2 * _reviveThreshold, dead.unsqueeze(1));
        Codes.copy_(where(rows, starts, Codes));
        ema_w.copy_(where(rows, starts * S(size), ema_w));
        ema_cluster_size.masked_fill_(dead, S(size));
    }
}

/// <summary>The table of codes, standard normal at first; a module of its own for the sake of the key <c>embedding.weight</c>.</summary>
internal sealed class Codes : nn.Module
{
    private readonly Parameter weight;

    public Codes(int count, int dimension, Device device)
        : base(nameof(Codes))
    {
        weight = new Parameter(randn([count, dimension], device: device), requires_grad: false);
        weight.DetachFromDisposeScope();
        RegisterComponents();
    }

    public Tensor Weight => weight;
}
