using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;

namespace VoxelZoo.Conformance;

/// <summary>Checks a compressor: shapes, losslessness where it is promised, weights, memory, refusals.</summary>
public static class CompressorConformance
{
    private const int Batch = 2;

    // divisible by 16, and three different sizes, so that swapped axes show
    private static readonly VolumeShape Volume = new(1, 16, 32, 48);

    /// <summary>Runs the checks on the compressor's tiny instance.</summary>
    public static IReadOnlyList<ConformanceCheck> Verify(ICompressor part, PartContext context)
    {
        var checks = new CheckList();
        Compressor? created = null;
        checks.Run("create", "Create builds a compressor from the tiny options", () =>
        {
            manual_seed(1);
            created = Create(part, context);
            created.eval();
            return null;
        });
        if (created is null)
            return checks.Results;
        using var compressor = created;

        using var inputs = NewDisposeScope();
        using var gradient = no_grad();
        manual_seed(2);
        var volume = rand(Volume.Batch(Batch));

        checks.Run("inputs_untouched", "volumes and latents are left as they are", () =>
        {
            var latent = compressor.Encode(volume.clone()).clone();
            return Untouched(() => compressor.Encode(volume), ("the volume", volume))
                ?? Untouched(() => compressor.Decode(latent), ("the latent", latent));
        });
        checks.Run("shape", "Encode gives LatentShape and Decode gives the volume's", () =>
        {
            var expected = part.LatentShape(part.Tiny, Volume).Batch(Batch);
            var latent = compressor.Encode(volume);
            if (!latent.shape.SequenceEqual(expected))
                return $"LatentShape says {Shape(expected)}, the latent is {Shape(latent.shape)}";
            var decoded = compressor.Decode(latent);
            return decoded.shape.SequenceEqual(volume.shape)
                ? null
                : $"a volume of {Shape(volume.shape)} comes back as {Shape(decoded.shape)}";
        });
        checks.Run("finite", "latents and reconstructions are finite", () =>
            IsFinite(compressor.Encode(volume)) && IsFinite(compressor.call(volume))
                ? null
                : "a latent or reconstruction holds NaN or infinity");
        checks.Run("lossless", "without weights the volume comes back, or IsLossy says that it does not and that is encoded alike", () =>
        {
            if (part.IsLearned)
                return compressor.parameters().Any() ? null : "the compressor is said to be learned but has no parameters";
            if (compressor.parameters().Any())
                return "the compressor has parameters but is said not to be learned";
            var latent = compressor.Encode(volume);
            var decoded = compressor.Decode(latent);
            var difference = Difference(decoded, volume);
            if (!part.IsLossy(part.Tiny))
                return difference < 1e-5
                    ? null
                    : $"the volume comes back with a relative error of {difference:g3}, and IsLossy says nothing of it";
            var again = Difference(compressor.Encode(decoded), latent);
            return again < 1e-4 ? null : $"what was decoded is encoded to another latent, with a relative difference of {again:g3}";
        });
        checks.Run("round_trip", "Roundtrip names latent and reconstruction, equal to Encode's and Decode's", () =>
        {
            var named = compressor.Roundtrip(volume);
            if (!named.TryGetValue("latent", out var latent) || !named.TryGetValue("reconstruction", out var reconstruction))
                return $"Roundtrip gives {string.Join(", ", named.Keys)}";
            var encoded = compressor.Encode(volume);
            return BitEqual(latent, encoded) && Difference(reconstruction, compressor.Decode(encoded)) < 1e-5
                ? null
                : "Roundtrip computes something else than Encode and Decode";
        });
        checks.Run(
            "training_pass",
            "a training pass reconstructs the volume with finite losses, and its gradient reaches every trained parameter",
            () => TrainingPass(part, context, volume));
        checks.Run("same_seed", "the same seed gives the same initial weights", () => SameSeed(() => Create(part, context)));
        checks.Run("save_load", "saved and loaded weights encode the same, bit for bit", () =>
        {
            using var other = Create(part, context);
            other.eval();
            return SaveAndLoad(compressor, other, each => each.call(volume));
        });
        checks.Run("batch_permutation", "each sample's latent is its own affair", () =>
            SamplesAreIndependent(index => compressor.Encode(volume.index_select(0, index)), Batch));
        checks.Run("live_tensors", "round trips leave no tensors behind", () => LiveTensorsAreFlat(() => compressor.call(volume)));
        checks.Run("odd_sizes", "sizes that do not work are refused by LatentShape with a PlanException", () => OddSizes(part, compressor));
        return checks.Results;
    }

    private static Compressor Create(ICompressor part, PartContext context) => ModuleTensors.Keep(part.Create(part.Tiny, context));

    private static string? TrainingPass(ICompressor part, PartContext context, Tensor volume)
    {
        if (!part.IsLearned)
            return null;
        using var compressor = Create(part, context);
        ModuleChecks.Perturb(compressor);
        compressor.train();
        using var gradients = enable_grad();
        using var random = new Generator(5, CPU);
        var pass = compressor.TrainingPass(volume, random);
        if (!pass.Reconstruction.shape.SequenceEqual(volume.shape))
            return $"a volume of {Shape(volume.shape)} comes back as {Shape(pass.Reconstruction.shape)}";
        if (pass.Losses.FirstOrDefault(loss => loss.Value.dim() != 0 || !IsFinite(loss.Value)) is { Key: { } name })
            return $"the loss `{name}` is not one finite number";
        pass.Losses.Values.Aggregate((pass.Reconstruction * randn_like(pass.Reconstruction)).sum(), (sum, loss) => sum + loss).backward();
        var trained = compressor.named_parameters().Where(entry => entry.parameter.requires_grad).ToArray();
        var missed = trained.Where(entry => entry.parameter.grad is not { } gradient
            || !IsFinite(gradient)
            || gradient.count_nonzero().item<long>() == 0).ToArray();
        var head = compressor.Head.ToHashSet(ReferenceEqualityComparer.Instance);
        return missed.Length > 0 ? $"no gradient reaches {missed.Length} parameters, the first is {missed[0].name}"
            : head.Count == 0 ? "Head names no parameter"
            : null;
    }

    private static string? OddSizes(ICompressor part, Compressor compressor)
    {
        foreach (var odd in new[] { Volume with { Depth = 15 }, Volume with { Height = 13 }, Volume with { Width = 11 } })
        {
            long[] expected;
            try
            {
                expected = part.LatentShape(part.Tiny, odd).Batch(1);
            }
            catch (PlanException)
            {
                continue;
            }

            var latent = compressor.Encode(rand(odd.Batch(1)));
            if (!latent.shape.SequenceEqual(expected) || !compressor.Decode(latent).shape.SequenceEqual(odd.Batch(1)))
                return $"a {odd} volume was accepted but does not come back in its size";
        }

        return null;
    }
}
