using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// The brain in a volume: the largest component (by faces) of what is brighter than a threshold, with its holes filled. A hole is what no
/// way through faces leads to from the volume's border.
/// </summary>
/// <param name="Voxels">For each voxel whether it is brain.</param>
/// <param name="Second">Voxels of the second component by those of the largest; 0 where there is none.</param>
internal sealed record BrainMask(bool[] Voxels, double Second)
{
    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => !Voxels.Contains(true);

    /// <summary>Finds it.</summary>
    /// <param name="intensities"><c>[D, H, W]</c>, W fastest, from 0 to 1, without padding.</param>
    /// <param name="shape">The volume's shape, of one channel.</param>
    /// <param name="threshold">What is brighter may be brain.</param>
    /// <param name="dilation">So many times the brain grows by its neighbours through faces.</param>
    public static BrainMask Of(ReadOnlySpan<float> intensities, VolumeShape shape, double threshold, int dilation = 0)
    {
        var bright = new bool[intensities.Length];
        for (var i = 0; i < bright.Length; i++)
            bright[i] = intensities[i] > threshold;
        var components = Components.Of(bright, shape, Neighbourhood.Faces);
        var largest = components.Largest;
        if (largest == 0)
            return new BrainMask(bright, 0);
        bool[] brain = [.. components.Labels.Select(label => label == largest)];
        FillHoles(brain, shape);
        for (var i = 0; i < dilation; i++)
            brain = Dilated(brain, shape);
        var second = components.Sizes.Where((_, i) => i != largest - 1).DefaultIfEmpty().Max();
        return new BrainMask(brain, second / (double)components.Sizes[largest - 1]);
    }

    private static void FillHoles(bool[] brain, VolumeShape shape)
    {
        bool[] around = [.. brain.Select(inside => !inside)];
        var components = Components.Of(around, shape, Neighbourhood.Faces);
        var open = new bool[components.Sizes.Count + 1];
        for (var i = 0; i < brain.Length; i++)
        {
            if (IsAtBorder(i, shape))
                open[components.Labels[i]] = true;
        }

        for (var i = 0; i < brain.Length; i++)
            brain[i] |= !open[components.Labels[i]];
    }

    private static bool IsAtBorder(int i, VolumeShape shape)
    {
        var (d, h, w) = shape.PlaceOf(i);
        return d == 0 || h == 0 || w == 0 || d == shape.Depth - 1 || h == shape.Height - 1 || w == shape.Width - 1;
    }

    private static bool[] Dilated(bool[] brain, VolumeShape shape)
    {
        var (slice, row) = (shape.Height * shape.Width, shape.Width);
        var grown = new bool[brain.Length];
        for (var i = 0; i < brain.Length; i++)
        {
            var (d, h, w) = (i / slice, i / row % shape.Height, i % row);
            grown[i] = brain[i]
                || (d > 0 && brain[i - slice]) || (d < shape.Depth - 1 && brain[i + slice])
                || (h > 0 && brain[i - row]) || (h < shape.Height - 1 && brain[i + row])
                || (w > 0 && brain[i - 1]) || (w < row - 1 && brain[i + 1]);
        }

        return grown;
    }
}
