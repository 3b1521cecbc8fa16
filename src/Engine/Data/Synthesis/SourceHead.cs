using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>
/// The real head: its T1 intensities in each contrast, its brain mask and the border of grey and white matter, all on the file's grid
/// (x to the right fastest, then y to the front, then z to the top).
/// </summary>
internal sealed class SourceHead
{
    /// <summary>Intensities of the tissues in <c>ch2bet.nii.gz</c>, read off its histogram, and the end of the histogram.</summary>
    public const float Csf = 45, Grey = 82, White = 112, Brightest = 122;

    // of what is kept of the file's grid: the brain and as far around it as it is blurred, less than half of the voxels
    private readonly int _nx;
    private readonly int _ny;
    private readonly int _nz;
    private readonly Vector3 _first;
    private readonly Vector3 _voxel;
    private readonly float[] _brain;
    private readonly float[][] _contrasts;
    private readonly bool[] _border;

    private SourceHead(NiftiVolume head, NiftiVolume atlas, Spacing target)
    {
        var (shape, spacing) = (head.Header.Shape, head.Header.Spacing);
        _voxel = new Vector3((float)spacing[0], (float)spacing[1], (float)spacing[2]);
        var reach =
            new Vector3(Radius(target.Width / _voxel.X), Radius(target.Height / _voxel.Y), Radius(target.Depth / _voxel.Z)) + Vector3.One;
        var (low, high) = Box(head.Intensities.Span, shape[0], shape[1]);
        _first = Vector3.Max(low - reach, Vector3.Zero);
        var last = Vector3.Min(high + reach, new Vector3(shape[0], shape[1], shape[2]) - Vector3.One);
        (_nx, _ny, _nz) = ((int)(last.X - _first.X) + 1, (int)(last.Y - _first.Y) + 1, (int)(last.Z - _first.Z) + 1);
        var intensities = Kept(head);
        RemoveCrumbs(intensities);
        (low, high) = Box(intensities, _nx, _ny);
        Centre = (_first + low + (_first + high)) / 2 * _voxel;
        _border = Border(intensities, Kept(atlas));
        _brain = Prepared(intensities, intensity => intensity > 0 ? 1 : 0, target);
        _contrasts = [.. Contrast.All.Select(contrast => Prepared(intensities, contrast.Of, target))];
    }

    /// <summary>Middle of the brain's bounding box in mm from the first voxel.</summary>
    public Vector3 Centre { get; }

    /// <summary>Reads the head and blurs it as much as voxels of the target's size see it.</summary>
    /// <exception cref="PlanException">The folder does not hold the head.</exception>
    /// <exception cref="InvalidDataException">A file of it cannot be read.</exception>
    public static SourceHead Read(string folder, Spacing target)
    {
        NiftiVolume Volume(string name)
        {
            var path = Path.Combine(folder, name);
            if (File.Exists(path))
                return NiftiFile.Read(path);
            throw new PlanException(
                $"the head to synthesize from is missing: '{path}' does not exist; name the folder of samples/colin27.", "source");
        }

        var (head, atlas) = (Volume("ch2bet.nii.gz"), Volume("aal.nii.gz"));
        var affine = head.Header.Affine;
        for (var i = 0; i < 3; i++)
        {
            if (!(affine[i][i] > 0) || affine[i].Take(3).Where((_, j) => j != i).Any(number => number != 0))
                throw new InvalidDataException(
                    $"{folder}: the axes of ch2bet.nii.gz do not run right, anterior and superior; use the file of samples/colin27.");
        }

        if (head.Shape != atlas.Shape)
            throw new InvalidDataException(
                $"{folder}: ch2bet.nii.gz is {head.Shape} and aal.nii.gz {atlas.Shape}; they have to lie on one grid.");
        return new SourceHead(head, atlas, target);
    }

    /// <summary>Part of the brain, and brightness in each contrast, at a place in mm from the first voxel.</summary>
    public float Sample(Vector3 place, Span<float> brightness)
    {
        var at = place / _voxel;
        var floor = new Vector3(MathF.Floor(at.X), MathF.Floor(at.Y), MathF.Floor(at.Z));
        var (x, y, z) = Index(floor);
        if (x < 0 || y < 0 || z < 0 || x >= _nx - 1 || y >= _ny - 1 || z >= _nz - 1)
            return 0;
        var corner = (z * _ny + y) * _nx + x;
        var part = at - floor;
        var brain = Trilinear(_brain, corner, part);
        if (brain > 0)
        {
            for (var i = 0; i < brightness.Length; i++)
                brightness[i] = Trilinear(_contrasts[i], corner, part);
        }

        return brain;
    }

    /// <summary>Whether grey matter meets white matter at the voxel nearest to that place.</summary>
    public bool IsBorder(Vector3 place)
    {
        var at = place / _voxel;
        var (x, y, z) = Index(new Vector3(MathF.Round(at.X), MathF.Round(at.Y), MathF.Round(at.Z)));
        return x >= 0 && y >= 0 && z >= 0 && x < _nx && y < _ny && z < _nz && _border[(z * _ny + y) * _nx + x];
    }

    /// <summary>Indices, among the voxels that are kept, of one of the file's.</summary>
    private (int X, int Y, int Z) Index(Vector3 voxel) => ((int)(voxel.X - _first.X), (int)(voxel.Y - _first.Y), (int)(voxel.Z - _first.Z));

    private float Trilinear(float[] volume, int corner, Vector3 part)
    {
        var (row, slice) = (_nx, _nx * _ny);
        var front = Mix(
            Mix(volume[corner], volume[corner + 1], part.X), Mix(volume[corner + row], volume[corner + row + 1], part.X), part.Y);
        corner += slice;
        var back = Mix(
            Mix(volume[corner], volume[corner + 1], part.X), Mix(volume[corner + row], volume[corner + row + 1], part.X), part.Y);
        return Mix(front, back, part.Z);
    }

    private static float Mix(float a, float b, float part) => a + (b - a) * part;

    /// <summary>Clears what the removal of the skull left of membranes: voxels around which less than about half is brain.</summary>
    private void RemoveCrumbs(float[] intensities)
    {
        const double surroundings = 4; // mm
        var brain = Array.ConvertAll(intensities, intensity => intensity > 0 ? 1f : 0);
        Blur(brain, new Spacing(surroundings, surroundings, surroundings));
        for (var i = 0; i < brain.Length; i++)
        {
            if (brain[i] < 0.45f)
                intensities[i] = 0;
        }
    }

    /// <summary>The first and the last voxel on each axis that is not background.</summary>
    private static (Vector3 Low, Vector3 High) Box(ReadOnlySpan<float> intensities, int width, int height)
    {
        var (low, high) = (new Vector3(float.MaxValue), new Vector3(float.MinValue));
        for (var row = 0; row < intensities.Length / width; row++)
        {
            var line = intensities.Slice(row * width, width);
            var first = line.IndexOfAnyExcept(0);
            if (first < 0)
                continue;
            low = Vector3.Min(low, new Vector3(first, row % height, row / height));
            high = Vector3.Max(high, new Vector3(line.LastIndexOfAnyExcept(0), row % height, row / height));
        }

        return (low, high);
    }

    private float[] Kept(NiftiVolume volume)
    {
        var (x, y, z) = ((int)_first.X, (int)_first.Y, (int)_first.Z);
        var (width, height) = (volume.Header.Shape[0], volume.Header.Shape[1]);
        var kept = new float[_nx * _ny * _nz];
        for (var row = 0; row < _ny * _nz; row++)
            volume.Intensities.Span.Slice(((z + row / _ny) * height + y + row % _ny) * width + x, _nx).CopyTo(kept.AsSpan(row * _nx, _nx));
        return kept;
    }

    /// <summary>
    /// Voxels that the atlas calls grey matter and whose intensity agrees, beside one of white matter. The atlas keeps the walls of the
    /// ventricles out, where fluid and white matter mix to the intensity of grey.
    /// </summary>
    private bool[] Border(float[] intensities, ReadOnlySpan<float> atlas)
    {
        const float WhiteFrom = (Grey + White) / 2, GreyFrom = (Csf + Grey) / 2;
        var border = new bool[intensities.Length];
        ReadOnlySpan<int> steps = [1, -1, _nx, -_nx, _nx * _ny, -_nx * _ny];
        for (var i = _nx * _ny; i < intensities.Length - _nx * _ny; i++)
        {
            if (atlas[i] <= 0 || intensities[i] is <= GreyFrom or >= WhiteFrom)
                continue;
            foreach (var step in steps)
                border[i] |= intensities[i + step] >= WhiteFrom;
        }

        return border;
    }

    private float[] Prepared(float[] intensities, Func<float, float> map, Spacing target)
    {
        var volume = new float[intensities.Length];
        var (source, mapped) = (0f, map(0));
        for (var i = 0; i < volume.Length; i++)
        {
            // half of the voxels are background
            if (intensities[i] != source)
                (source, mapped) = (intensities[i], map(intensities[i]));
            volume[i] = mapped;
        }

        Blur(volume, target);
        return volume;
    }

    private void Blur(float[] volume, Spacing target)
    {
        Blur(volume, 1, _nx, target.Width / _voxel.X);
        Blur(volume, _nx, _ny, target.Height / _voxel.Y);
        Blur(volume, _nx * _ny, _nz, target.Depth / _voxel.Z);
    }

    /// <summary>
    /// Gaussian blur along one axis that takes voxels of size 1 to voxels of size <paramref name="size"/>: the point spread of a voxel has
    /// a standard deviation of 0.42 of its size (full width at half maximum = size), and variances add.
    /// </summary>
    private static void Blur(float[] volume, int stride, int count, double size)
    {
        if (size <= 1)
            return;
        var (sigma, radius) = (Sigma(size), Radius(size));
        var kernel = Enumerable.Range(-radius, 2 * radius + 1).Select(i => Math.Exp(-i * i / (2 * sigma * sigma))).ToArray();
        var weights = Array.ConvertAll(kernel, weight => (float)(weight / kernel.Sum()));
        Parallel.For(0, volume.Length / (stride * count), block =>
        {
            // stride lines lie side by side; beyond their ends is background
            var length = stride * count;
            var to = volume.AsSpan(block * length, length);
            var from = new float[length + 2 * radius * stride];
            to.CopyTo(from.AsSpan(radius * stride));
            to.Clear();
            for (var k = 0; k < weights.Length; k++)
                AddScaled(from.AsSpan(k * stride, length), weights[k], to);
        });
    }

    private static double Sigma(double size) => 0.42 * Math.Sqrt(size * size - 1);

    /// <summary>How many voxels far the blur reaches.</summary>
    private static int Radius(double size) => size <= 1 ? 0 : (int)Math.Ceiling(2.5 * Sigma(size));

    // compiled once for all: it takes most of the time, and is called too seldom to be found hot at once
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddScaled(ReadOnlySpan<float> from, float weight, Span<float> to)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(from);
        var sums = MemoryMarshal.Cast<float, Vector<float>>(to);
        for (var i = 0; i < sums.Length; i++)
            sums[i] += vectors[i] * weight;
        for (var i = sums.Length * Vector<float>.Count; i < to.Length; i++)
            to[i] += from[i] * weight;
    }
}
