using TorchSharp;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Conformance;

/// <summary>Checks that denoisers and compressors share, and the comparisons they are made of.</summary>
internal static class ModuleChecks
{
    /// <summary>How far results may differ that are sums in different orders, as those of batched and single convolutions.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Moves every parameter away from its initial value, so that layers that start at zero hide nothing behind them.</summary>
    public static void Perturb(nn.Module module)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        foreach (var parameter in module.parameters())
            parameter.add_(randn_like(parameter) * S(0.05));
    }

    /// <summary>Writes the weights of one instance, reads them into another and compares what the two compute.</summary>
    public static string? SaveAndLoad<TModule>(TModule saved, TModule loaded, Func<TModule, Tensor> compute)
        where TModule : nn.Module
    {
        var file = Path.GetTempFileName();
        try
        {
            SafetensorsFile.Write(file, Weights.Of(saved));
            using var weights = SafetensorsFile.Read(file);
            Weights.Load(loaded, weights, "the saved file");
        }
        finally
        {
            File.Delete(file);
        }

        return BitEqual(compute(saved), compute(loaded)) ? null : "a loaded instance computes something else than the one that was saved";
    }

    /// <summary>After a backward pass, says which parameters have no gradient.</summary>
    public static string? MissedByGradient(nn.Module module)
    {
        var missed = module.named_parameters()
            .Where(entry => entry.parameter.grad is not { } gradient || !IsFinite(gradient) || gradient.count_nonzero().item<long>() == 0)
            .Select(entry => entry.name)
            .ToArray();
        return missed.Length == 0 ? null : $"no gradient reaches {missed.Length} parameters, the first is {missed[0]}";
    }

    /// <summary>Compares the keys and shapes of a module with those of one made on the meta device.</summary>
    public static string? SameOnMeta(nn.Module module, nn.Module shapes)
    {
        var (own, meta) = (Weights.Of(module), Weights.Of(shapes));
        var different = own.Keys.Union(meta.Keys).FirstOrDefault(
            key => !own.ContainsKey(key) || !meta.ContainsKey(key) || !own[key].shape.SequenceEqual(meta[key].shape));
        if (different is not null)
            return $"{different} is not the same on the meta device";
        var allocated = meta.Keys.FirstOrDefault(key => meta[key].device_type != DeviceType.META);
        return allocated is null ? null : $"{allocated} was not created on the context's device";
    }

    /// <summary>Compares the initial weights of two instances made under one seed.</summary>
    public static string? SameSeed<TModule>(Func<TModule> create)
        where TModule : nn.Module
    {
        manual_seed(3);
        using var one = create();
        manual_seed(3);
        using var other = create();
        var (weights, others) = (Weights.Of(one), Weights.Of(other));
        var different = weights.Keys.FirstOrDefault(key => !BitEqual(weights[key], others[key]));
        return different is null ? null : $"{different} differs between two instances made under the same seed";
    }

    /// <summary>Computes each sample by itself and in another order, and compares with the batch.</summary>
    public static string? SamplesAreIndependent(Func<Tensor, Tensor> compute, int batch)
    {
        var together = compute(arange(S(batch)));
        var order = arange(S(batch)).flip(0);
        if (Difference(compute(order), together.index_select(0, order)) > Tolerance)
            return "a batch in another order gives other results";
        for (var index = 0; index < batch; index++)
            if (Difference(compute(tensor(new long[] { index })), together.narrow(0, index, 1)) > Tolerance)
                return $"sample {index} gives another result by itself than in a batch of {batch}";
        return null;
    }

    /// <summary>Counts live tensors over repeated computations, each in its own scope.</summary>
    public static string? LiveTensorsAreFlat(Action compute)
    {
        const int repetitions = 3;
        Once();
        // what others forgot must not be finalized, and subtracted, while this counts
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var repetition = 0; repetition < repetitions; repetition++)
            Once();
        var left = Tensor.TotalCount - before;
        return left == 0 ? null : $"{repetitions} calls left {left} live tensors behind";

        void Once()
        {
            using var scope = NewDisposeScope();
            compute();
        }
    }

    /// <summary>Computes, and says which of the tensors that are given are other ones afterwards.</summary>
    public static string? Untouched(Action compute, params IReadOnlyList<(string Name, Tensor? Tensor)> given)
    {
        var before = given.Select(one => one.Tensor?.clone()).ToArray();
        compute();
        var changed = given.Where((one, index) => one.Tensor is { } now && !BitEqual(now, before[index]!))
            .Select(one => one.Name).ToArray();
        return changed.Length == 0
            ? null
            : $"{string.Join(" and ", changed)} {(changed.Length == 1 ? "was" : "were")} changed in place, "
                + "and others still need what was there; compute into a new tensor";
    }

    /// <summary>Whether all values are finite.</summary>
    public static bool IsFinite(Tensor x) => x.isfinite().all().item<bool>();

    /// <summary>Whether two tensors have the same shape and values; NaN equals nothing.</summary>
    public static bool BitEqual(Tensor a, Tensor b) => a.shape.SequenceEqual(b.shape) && a.eq(b).all().item<bool>();

    /// <summary>Largest difference relative to the largest value; infinite for different shapes.</summary>
    public static double Difference(Tensor actual, Tensor expected)
    {
        if (!actual.shape.SequenceEqual(expected.shape))
            return double.PositiveInfinity;
        var difference = ((actual - expected).abs().max() / expected.abs().max().clamp_min(S(1e-12))).ToDouble();
        return double.IsNaN(difference) ? double.PositiveInfinity : difference;
    }

    /// <summary>For messages: <c>[2, 1, 8, 16, 24]</c>.</summary>
    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
