using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Tests.Data;

namespace VoxelZoo.Engine.Tests.Tiny;

/// <summary>
/// Four patients to train on, two to validate and two to test on. bravo lies between 0.3 and 0.7, t1_pre holds the same voxels, so
/// that a network which sees it knows the answer; seg is a box. Six slices are real, two are padding.
/// </summary>
public sealed class TinyCohort : IDisposable
{
    public const int RealSlices = 6;
    private readonly CohortFolder _folder = new();

    public TinyCohort()
    {
        var random = new Random(7);
        foreach (var (split, count) in new[] { (Cohort.Train, 4), (Cohort.Val, 2), (Cohort.Test, 2) })
        {
            for (var i = 0; i < count; i++)
            {
                var voxels = new float[RealSlices * 8 * 8];
                for (var v = 0; v < voxels.Length; v++)
                    voxels[v] = 0.3f + 0.4f * random.NextSingle();
                var mask = new float[voxels.Length];
                for (var d = 1; d < 4; d++)
                    mask.AsSpan(d * 64 + 8 * (2 + i) + 2, 3).Fill(1);
                var shape = new VolumeShape(1, RealSlices, 8, 8);
                _folder.Add(split, $"{split}{i}", ImageKinds.Bravo, shape, voxels)
                    .Add(split, $"{split}{i}", ImageKinds.T1Pre, shape, voxels)
                    .Add(split, $"{split}{i}", ImageKinds.Seg, shape, mask);
            }
        }
    }

    public string Path => _folder.Path;

    public static DataOptions Options(string cohort) => new()
    {
        Cohort = cohort,
        Depth = 8,
        OriginalDepth = RealSlices,
        Height = 8,
        Width = 8,
        Normalization = Normalization.Fixed,
        ClipMax = new Dictionary<string, double> { [ImageKinds.Bravo] = 1, [ImageKinds.T1Pre] = 1 },
        Workers = 1,
    };

    public void Dispose() => _folder.Dispose();
}
