using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Dicom;

/// <summary>
/// A volume as a series of DICOM images: slices are those of its file, and within them the patient is upright as scanners have it, columns
/// towards the left or the back and rows towards the back or the feet. Voxels stay where they are. Whole numbers that 16 bits take stay as
/// they are too, others become 65,536 steps between the least and the greatest.
/// </summary>
internal sealed class DicomVolume
{
    // of a millimetre: nearer than what a header's float32 says of the far corner
    private const double SamePlace = 1e-3;

    private readonly NiftiVolume? _volume;
    private readonly double[][] _affine;
    private readonly int[] _axes, _file, _shape;
    private readonly bool[] _isMirrored;
    private readonly double[] _sizes, _across, _down, _normal;
    private readonly ushort[] _stored = [];

    /// <summary>Takes a volume.</summary>
    /// <param name="volume">The volume, with voxels that are finite.</param>
    public DicomVolume(NiftiVolume volume)
        : this(volume.Header)
    {
        _volume = volume;
        (_stored, Slope, Intercept) = Stored(volume.Intensities.Span);
    }

    private DicomVolume(NiftiHeader header)
    {
        _file = [.. header.Shape.Take(3)];
        var axes = NiftiAffine.Axes(header.Affine);
        // the axes of a slice, that which runs across or else from front to back before the other
        int[] inPlane = [.. Enumerable.Range(0, 3).Select(world => axes[world]).Where(axis => axis != 2)];
        _axes = [.. inPlane, 2];
        _isMirrored = [.. inPlane.Select(axis => header.Affine[Array.IndexOf(axes, axis)][axis] > 0), false];
        _affine = Turned(header.Affine);
        (_shape, _sizes) = ([.. _axes.Select(axis => _file[axis])], NiftiAffine.Sizes(_affine));
        double[] Column(int axis) => [.. _affine.Take(3).Select(row => row[axis] / _sizes[axis])];
        _across = Column(0);
        var down = Column(1);
        var aslant = Dot(down, _across);
        _down = Unit([.. down.Zip(_across, (one, other) => one - aslant * other)]);
        double[] normal =
        [
            _across[1] * _down[2] - _across[2] * _down[1],
            _across[2] * _down[0] - _across[0] * _down[2],
            _across[0] * _down[1] - _across[1] * _down[0],
        ];
        var way = Math.Sign(Dot(normal, Column(2)));
        IsReversed = way < 0;
        _normal = [.. normal.Select(one => one * way)];
    }

    /// <summary>Why no images of DICOM could lie where a volume does, as the end of a sentence, or null where they can.</summary>
    public static string? WhyNot(NiftiHeader header)
    {
        var volume = new DicomVolume(header);
        var apart = NiftiAffine.Distance(volume._affine, volume.Affine(), volume._shape);
        return apart > SamePlace
            ? FormattableString.Invariant($"its axes do not stand at right angles ({apart:0.###} mm at a corner), as images of DICOM do")
            : null;
    }

    /// <summary>What a step of a stored number means.</summary>
    public double Slope { get; }

    /// <summary>What 0 means.</summary>
    public double Intercept { get; }

    /// <summary>Whether slices run against the normal of rows and columns, so that the last one is the first image.</summary>
    private bool IsReversed { get; }

    /// <summary>Writes a file for each slice, numbered along the normal.</summary>
    /// <param name="folder">The folder, which exists.</param>
    /// <param name="series">What all files say, without their place and pixels: the series' UID is of them.</param>
    /// <param name="uid">The series' UID.</param>
    public void Write(string folder, DicomElements series, string uid)
    {
        var common = new DicomElements(series)
            .Numbers(0x00180050, _sizes[2]).Numbers(0x00180088, _sizes[2]).Text(0x0020000E, "UI", uid)
            .Numbers(0x00200037, [.. Patient(_across), .. Patient(_down)])
            .Short(0x00280002, 1).Text(0x00280004, "CS", "MONOCHROME2").Short(0x00280010, (ushort)_shape[1])
            .Short(0x00280011, (ushort)_shape[0]).Numbers(0x00280030, _sizes[1], _sizes[0]).Short(0x00280100, 16).Short(0x00280101, 16)
            .Short(0x00280102, 15).Short(0x00280103, 0).Numbers(0x00281052, Intercept).Numbers(0x00281053, Slope);
        var (low, high) = (_volume?.Min ?? 0, _volume?.Max ?? 0);
        if (high - low >= 1) // a narrower window is none
            common.Numbers(0x00281050, (low + high) / 2).Numbers(0x00281051, high - low);
        var plane = _shape[0] * _shape[1];
        var pixels = new ushort[plane];
        for (var number = 1; number <= _shape[2]; number++)
        {
            var slice = IsReversed ? _shape[2] - number : number - 1;
            for (var i = 0; i < plane; i++)
                pixels[i] = _stored[slice * plane + IndexOf(i % _shape[0], i / _shape[0])];
            var image = new DicomElements(common).Text(0x00080018, "UI", DicomUid.Of($"{uid} {number}")).Whole(0x00200013, number)
                .Numbers(0x00200032, Patient(NiftiAffine.At(_affine, 0, 0, slice)))
                .Pixels(pixels);
            AtomicFile.Write(Path.Combine(folder, $"{number:d5}.dcm"), image.Write);
        }
    }

    /// <summary>Where a pixel is in a slice of the file.</summary>
    private int IndexOf(int column, int row)
    {
        Span<int> at = stackalloc int[2];
        at[_axes[0]] = _isMirrored[0] ? _shape[0] - 1 - column : column;
        at[_axes[1]] = _isMirrored[1] ? _shape[1] - 1 - row : row;
        return at[1] * _file[0] + at[0];
    }

    /// <summary>The affine from columns, rows and slices.</summary>
    private double[][] Turned(IReadOnlyList<IReadOnlyList<double>> affine)
    {
        var turned = NiftiAffine.Diagonal(1, 1, 1);
        for (var row = 0; row < 3; row++)
        {
            turned[row][3] = affine[row][3];
            for (var side = 0; side < 3; side++)
            {
                var step = affine[row][_axes[side]];
                turned[row][side] = _isMirrored[side] ? -step : step;
                turned[row][3] += _isMirrored[side] ? step * (_file[_axes[side]] - 1) : 0;
            }
        }

        return turned;
    }

    /// <summary>The affine with axes at right angles.</summary>
    private double[][] Affine() =>
    [
        .. Enumerable.Range(0, 3).Select(row => (double[])
            [_across[row] * _sizes[0], _down[row] * _sizes[1], _normal[row] * _sizes[2], _affine[row][3]]),
        [0, 0, 0, 1],
    ];

    /// <summary>A direction or a place towards left, back and top, as DICOM has it.</summary>
    private static double[] Patient(IReadOnlyList<double> ras) => [-ras[0], -ras[1], ras[2]];

    private static (ushort[] Stored, double Slope, double Intercept) Stored(ReadOnlySpan<float> voxels)
    {
        var (low, high, isWhole) = (double.PositiveInfinity, double.NegativeInfinity, true);
        foreach (var voxel in voxels)
        {
            (low, high) = (Math.Min(low, voxel), Math.Max(high, voxel));
            isWhole &= voxel == MathF.Floor(voxel);
        }

        isWhole &= high - low <= ushort.MaxValue;
        // as the file will say them
        var intercept = isWhole && low >= 0 && high <= ushort.MaxValue ? 0 : Written(low);
        var slope = isWhole || high == low ? 1 : Written((high - low) / ushort.MaxValue);
        var stored = new ushort[voxels.Length];
        for (var i = 0; i < stored.Length; i++)
            stored[i] = (ushort)Math.Clamp(Math.Round((voxels[i] - intercept) / slope), 0, ushort.MaxValue);
        return (stored, slope, intercept);
    }

    private static double Written(double number) =>
        double.Parse(DicomElements.Decimal(number), System.Globalization.CultureInfo.InvariantCulture);

    private static double Dot(IEnumerable<double> one, IEnumerable<double> other) => one.Zip(other, (a, b) => a * b).Sum();

    private static double[] Unit(double[] direction) => [.. direction.Select(one => one / Math.Sqrt(Dot(direction, direction)))];
}
