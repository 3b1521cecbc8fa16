using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// Adds up squared errors of estimates inside tumours, by their size, and outside. Means are over voxels of all volumes. A tumour is a
/// 26-connected component of 5 voxels or more; smaller ones belong to neither side. Background counts only in volumes that have a tumour.
/// </summary>
/// <param name="volumes">How many volumes there are; each may be added by another process.</param>
/// <param name="timesteps">Where estimates start.</param>
internal sealed class RegionalErrors(int volumes, IEnumerable<double> timesteps)
{
    private const int SmallestTumour = 5; // voxels
    private const int Kinds = 5; // background and the four sizes

    private readonly SortedDictionary<double, Sums> _byTimestep = new(
        timesteps.Distinct().ToDictionary(timestep => timestep, _ => new Sums(volumes)));

    /// <summary>
    /// The classes of a mask's voxels: 0 for background, 1 + <see cref="TumourClass"/> in a tumour, −1 in what is too small to be one.
    /// </summary>
    /// <param name="mask">Float32 <c>[1, 1, D, H, W]</c> on the CPU, without padding.</param>
    /// <param name="spacing">Voxel size in mm.</param>
    public static int[] Classes(Tensor mask, Spacing spacing)
    {
        using var scope = NewDisposeScope();
        var tumours = TumourSizes.Find(mask.contiguous().data<float>().ToArray(), VolumeShape.Of(mask), spacing);
        int[] classes =
        [
            0,
            .. tumours.Diameters.Zip(
                tumours.Voxels, (diameter, voxels) => voxels < SmallestTumour ? -1 : 1 + (int)TumourClasses.Of(diameter)),
        ];
        return [.. tumours.Labels.Select(label => classes[label])];
    }

    /// <summary>Adds one volume's estimate from a timestep.</summary>
    /// <param name="volume">Number of the volume.</param>
    /// <param name="timestep">Where the estimate started.</param>
    /// <param name="classes">Of its voxels, from <see cref="Classes"/>.</param>
    /// <param name="real">Float32 <c>[1, C, D, H, W]</c> on the CPU, without padding.</param>
    /// <param name="estimate">Likewise.</param>
    public void Add(int volume, double timestep, int[] classes, Tensor real, Tensor estimate)
    {
        if (!classes.Any(c => c > 0))
            return;
        using var scope = NewDisposeScope();
        var sums = _byTimestep[timestep];
        // over the channels, so that a voxel counts once
        var errors = (real.to(ScalarType.Float32) - estimate.to(ScalarType.Float32))
            .square().mean([1]).flatten().contiguous().data<float>();
        for (var i = 0; i < classes.Length; i++)
        {
            if (classes[i] >= 0)
                sums.Add(volume, classes[i], errors[i]);
        }
    }

    /// <summary>Brings together what several processes added.</summary>
    public void Sum(ICollective collective)
    {
        foreach (var sums in _byTimestep.Values)
            sums.Sum(collective);
    }

    /// <summary>The means at each timestep; none where no volume has a tumour.</summary>
    public IReadOnlyList<RegionalError> Results() =>
        [.. _byTimestep.Where(pair => pair.Value.HasTumours).Select(pair => pair.Value.At(pair.Key))];

    /// <summary>Errors and voxels of each volume, which are summed in their order, so that it does not matter who added them.</summary>
    private sealed class Sums(int volumes)
    {
        private readonly double[] _errors = new double[volumes * Kinds];
        private readonly double[] _voxels = new double[volumes * Kinds];

        public bool HasTumours => Enumerable.Range(1, Kinds - 1).Any(c => Of(_voxels, c) > 0);

        public void Add(int volume, int c, double error)
        {
            _errors[volume * Kinds + c] += error;
            _voxels[volume * Kinds + c]++;
        }

        public void Sum(ICollective collective)
        {
            collective.Sum(_errors);
            collective.Sum(_voxels);
        }

        public RegionalError At(double timestep)
        {
            var (tumour, background) = (Tumours(_errors) / Tumours(_voxels), Mean(0));
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

        private double? Mean(int c) => Of(_voxels, c) > 0 ? Of(_errors, c) / Of(_voxels, c) : null;

        private static double Tumours(double[] sums) => Enumerable.Range(1, Kinds - 1).Sum(c => Of(sums, c));

        private static double Of(double[] sums, int c) => sums.Where((_, i) => i % Kinds == c).Sum();
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
