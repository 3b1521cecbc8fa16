using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// Means and covariances of the resamples of a set, in their order. Where features are more than dimensions and several are of one volume,
/// so that all of them have its weight, a covariance is the weighted sum of the volumes' second moments; several resamples are summed in
/// one pass over the features.
/// </summary>
internal sealed class WeightedMoments : IDisposable
{
    // rows that a volume has at least for its second moment to be worth summing
    private const int RowsOfVolume = 8;

    private readonly FeatureWeights _weights;
    private readonly long _bytes;
    private readonly Tensor _rows; // of all resamples
    private readonly Tensor _centre;
    private readonly Tensor _features; // about their centre, so that nothing drowns in the squares
    private readonly Tensor[]? _volumes; // the same by volume
    private Tensor? _sums; // of a group of resamples
    private int _first;

    /// <summary>Keeps tensors in the current dispose scope.</summary>
    /// <param name="weights">The set and its resamples.</param>
    /// <param name="bytes">Memory of the covariances that are summed at once; as much again is taken by the volumes' moments.</param>
    public WeightedMoments(FeatureWeights weights, long bytes = 1L << 29)
    {
        (_weights, _rows, _bytes) = (weights, weights.OfRows(), bytes);
        _centre = weights.Set.Rows.mean([0]);
        _features = weights.Set.Rows - _centre;
        var (n, d) = (_features.shape[0], _features.shape[1]);
        if (n > d && n >= (long)RowsOfVolume * weights.Set.VolumeCount)
            _volumes = ByVolume();
    }

    /// <summary>
    /// Mean <c>[d]</c> and factor F <c>[k, d]</c> with Σ = FᵀF of a resample; called in a dispose scope, for one resample after the other.
    /// </summary>
    public (Tensor Mean, Tensor Factor) Of(int resample)
    {
        var weights = _rows[resample];
        var (n, d) = (_features.shape[0], _features.shape[1]);
        if (n <= d)
            return FrechetDistance.Moments(_weights.Set.Rows, weights);
        var mean = weights.matmul(_features);
        var second = _volumes is null ? _features.t().matmul(_features * weights.unsqueeze(1)) : Summed(resample);
        var covariance = (second - mean.outer(mean)) / (ones_like(weights[0]) - weights.square().sum());
        return (mean + _centre, Factor(covariance));
    }

    /// <summary>Frees the sums of the last group; the other tensors are the dispose scope's.</summary>
    public void Dispose() => _sums?.Dispose();

    private Tensor[] ByVolume()
    {
        using var scope = NewDisposeScope();
        var rows = _weights.Set.Volumes.Select((volume, row) => (Volume: volume, Row: (long)row))
            .GroupBy(one => one.Volume, one => one.Row).OrderBy(group => group.Key);
        return [.. rows.Select(group => Of(group.ToArray()).MoveToOuterDisposeScope())];

        Tensor Of(long[] group) => _features.index_select(0, tensor(group).to(_features.device));
    }

    /// <summary>Σ w x xᵀ over all features <c>[d, d]</c>.</summary>
    private Tensor Summed(int resample)
    {
        var group = (int)Math.Max(1, _bytes / (sizeof(double) * _features.shape[1] * _features.shape[1]));
        if (_sums is null || resample >= _first + _sums.shape[0])
        {
            using var scope = NewDisposeScope();
            _sums?.Dispose();
            (_first, _sums) = (resample, Sum(resample, Math.Min(group, _weights.Count - resample), group).DetachFromDisposeScope());
        }

        return _sums[resample - _first];
    }

    /// <summary>The sums of so many resamples, <c>[count, d, d]</c>; the volumes' second moments are made so many at a time.</summary>
    private Tensor Sum(int first, int count, int chunk)
    {
        var d = _features.shape[1];
        var sizes = tensor(_volumes!.Select(volume => (double)volume.shape[0]).ToArray());
        var relative = _weights.OfVolumes.narrow(0, first, count);
        var weights = (relative / (relative * sizes).sum(1, keepdim: true)).to(_features.device); // of one row of each volume
        var sums = zeros([count, d * d], ScalarType.Float64, _features.device);
        for (var at = 0; at < _volumes!.Length; at += chunk)
        {
            using var scope = NewDisposeScope();
            var moments = stack([.. _volumes.Skip(at).Take(chunk).Select(volume => volume.t().matmul(volume).flatten())], 0);
            sums.addmm_(weights.narrow(1, at, moments.shape[0]), moments);
        }

        return sums.view(count, d, d);
    }

    /// <summary>F with Σ = FᵀF: by Cholesky, or where Σ is singular, as with features that never differ, by its eigenvectors.</summary>
    private static Tensor Factor(Tensor covariance)
    {
        var (lower, failed) = linalg.cholesky_ex(covariance);
        if (failed.item<int>() == 0)
            return lower.t();
        var (values, vectors) = linalg.eigh(covariance);
        return values.clamp_min(S(0.0)).sqrt().unsqueeze(1) * vectors.t();
    }
}
