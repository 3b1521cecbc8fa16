using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Evaluation;

/// <summary>
/// Adds up squared errors of estimates inside tumours, by their size, and outside. Means are over voxels of all volumes. A tumour is a 26-connected
/// component of 5 voxels or more; smaller ones belong to neither side. Background counts only in volumes that have a tumour.
/// </summary>
internal sealed class RegionalErrors
{
    private const int SmallestTumour = 5; // voxels

    private readonly SortedDictionary<double, Sums> _byTimestep = [];

    /// <summary>The classes of a mask's voxels: 0 for background, 1 + <see cref="TumourClass"/> in a tumour, −1 in what is too small to be one.</summary>
    /// <param name="mask">Float32 <c>[1, 1, D, H, W]</c> on the CPU, without padding.</param>
    /// <param name="spacing">Voxel size in mm.</param>
    public static int[] Classes(Tensor mask, Spacing spacing)
    {
        using var scope = NewDisposeScope();
        var tumours = TumourSizes.Find(mask.contiguous().data<float>().ToArray(), VolumeShape.Of(mask), spacing);
        var voxels = tumours.Labels.Where(label => label > 0).CountBy(label => label).ToDictionary();
        return [.. tumours.Labels.Select(label => label == 0 ? 0 : voxels[label] < SmallestTumour ? -1 : 1 + (int)TumourClasses.Of(tumours.Diameters[label - 1]))];
    }

    /// <summary>Adds one volume's estimate from a timestep.</summary>
    /// <param name="timestep">Where the estimate started.</param>
    /// <param name="classes">Of its voxels, from <see cref="Classes"/>.</param>
    /// <param name="real">Float32 <c>[1, C, D, H, W]</c> on the CPU, without padding.</param>
    /// <param name="estimate">Likewise.</param>
    public void Add(double timestep, int[] classes, Tensor real, Tensor estimate)
    {
        if (!classes.Any(c => c > 0))
            return;
        using var scope = NewDisposeScope();
        if (!_byTimestep.TryGetValue(timestep, out var sums))
            _byTimestep[timestep] = sums = new Sums();
        // over the channels, so that a voxel counts once
        var errors = (real.to(ScalarType.Float32) - estimate.to(ScalarType.Float32)).square().mean([1]).flatten().contiguous().data<float>();
        for (var i = 0; i < classes.Length; i++)
        {
            if (classes[i] >= 0)
                sums.Add(classes[i], errors[i]);
        }
    }

    /// <summary>The means at each timestep; none where no volume has a tumour.</summary>
    public IReadOnlyList<RegionalError> Results() => [.. _byTimestep.Select(pair => pair.Value.At(pair.Key))];

    private sealed class Sums
    {
        private readonly double[] _errors = new double[5];
        private readonly long[] _voxels = new long[5];

        public void Add(int c, double error)
        {
            _errors[c] += error;
            _voxels[c]++;
        }

        public RegionalError At(double timestep)
        {
            var (tumour, background) = (_errors[1..].Sum() / _voxels[1..].Sum(), Mean(0));
            return new RegionalError
            {
                Timestep = timestep,
                TumourLoss = tumour,
                BackgroundLoss = background,
                Ratio = background > 0 ? tumour / background : null,
                Tiny = Mean(1 + (int)TumourClass.Tiny),
                Small = Mean(1 + (int)TumourClass.Small),
                Medium = Mean(1 + (int)TumourClass.Medium),
                Large = Mean(1 + (int)TumourClass.Large),
            };
        }

        private double? Mean(int c) => _voxels[c] > 0 ? _errors[c] / _voxels[c] : null;
    }
}

/// <summary>
/// Mean squared errors of the one-step estimate from a timestep, inside and outside of tumours. A size that no tumour has is null.
/// </summary>
public sealed record RegionalError
{
    /// <summary>Where the estimate started, 0 to 1000.</summary>
    public required double Timestep { get; init; }

    /// <summary>Over all voxels of tumours.</summary>
    public required double TumourLoss { get; init; }

    /// <summary>Over all other voxels of volumes with a tumour.</summary>
    public required double? BackgroundLoss { get; init; }

    /// <summary>The first by the second; null where the background has no error.</summary>
    public required double? Ratio { get; init; }

    /// <summary>Tumours below 10 mm.</summary>
    public required double? Tiny { get; init; }

    /// <summary>Tumours from 10 mm.</summary>
    public required double? Small { get; init; }

    /// <summary>Tumours from 20 mm.</summary>
    public required double? Medium { get; init; }

    /// <summary>Tumours from 30 mm.</summary>
    public required double? Large { get; init; }
}
