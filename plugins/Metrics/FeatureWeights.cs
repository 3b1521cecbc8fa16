using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Weights of the features of a set in a sample and its resamples.</summary>
/// <param name="set">The features.</param>
/// <param name="ofVolumes">Weights of the volumes, float64 <c>[1 + resamples, volumes]</c>, relative to each other.</param>
internal sealed class FeatureWeights(FeatureSet set, Tensor ofVolumes)
{
    /// <summary>The features.</summary>
    public FeatureSet Set => set;

    /// <summary>The sample itself and its resamples.</summary>
    public int Count => (int)ofVolumes.shape[0];

    /// <summary>Weights of the volumes; the first row has ones.</summary>
    public Tensor OfVolumes => ofVolumes;

    /// <summary>Draws weights that are uniform on the simplex of the volumes; in the current dispose scope.</summary>
    public static FeatureWeights Draw(FeatureSet set, int resamples, Generator random)
    {
        using var scope = NewDisposeScope();
        // where each feature is a volume's only one, these are the numbers of before features had volumes
        var draws = rand(resamples, set.VolumeCount, dtype: ScalarType.Float64, generator: random).neg().log1p().neg();
        var first = ones([1, set.VolumeCount], ScalarType.Float64);
        return new(set, (resamples == 0 ? first : cat([first, draws], 0)).MoveToOuterDisposeScope());
    }

    /// <summary>Weights of all features, <c>[1 + resamples, n]</c> on their device; rows sum to 1.</summary>
    public Tensor OfRows()
    {
        using var scope = NewDisposeScope();
        var rows = ofVolumes.index_select(1, tensor(set.Volumes.ToArray(), ScalarType.Int64));
        return (rows / rows.sum(1, keepdim: true)).to(set.Rows.device).MoveToOuterDisposeScope();
    }
}
