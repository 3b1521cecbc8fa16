using System.Numerics;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>One patient in the making: the head under this patient's deformation, on the target's grid.</summary>
/// <remarks>
/// Slices run from the neck upwards, rows from the front to the back, columns from the patient's right to the left: a slice shown with row
/// 0 on top has the nose up and the patient's right on the left, as radiologists look at it.
/// </remarks>
internal sealed class SyntheticPatient
{
    private readonly VolumeShape _shape;
    private readonly Spacing _spacing;

    /// <summary>Deforms the head.</summary>
    /// <param name="head">The head.</param>
    /// <param name="options">Grid and amplitude.</param>
    /// <param name="random">Where the deformation is drawn from.</param>
    public SyntheticPatient(SourceHead head, SynthesisOptions options, SeededRandom random)
    {
        (_shape, _spacing) = (new VolumeShape(1, options.Depth, options.Height, options.Width), options.Spacing);
        Brain = new float[_shape.Voxels];
        Brightness = [.. Contrast.All.Select(_ => new float[_shape.Voxels])];
        Mask = new float[_shape.Voxels];

        var scale = 1 / (float)Math.Clamp(0.96 + 0.02 * random.Normal(), 0.9, 1.02);
        var turn = Quaternion.CreateFromYawPitchRoll(Degrees(2, random), Degrees(3, random), Degrees(2, random));
        var shift = new Vector3((float)random.Normal(), (float)random.Normal(), (float)random.Normal());
        SmoothField Displacement() => new(_shape, _spacing, distance: 40, options.Deformation, random);
        var (right, front, up) = (Displacement(), Displacement(), Displacement());

        Span<float> x = new float[_shape.Width], y = new float[_shape.Width],
        z = new float[_shape.Width], brightness = new float[Brightness.Length];
        for (var d = 0; d < _shape.Depth; d++)
        {
            for (var h = 0; h < _shape.Height; h++)
            {
                right.Row(d, h, x);
                front.Row(d, h, y);
                up.Row(d, h, z);
                for (var w = 0; w < _shape.Width; w++)
                {
                    var i = Index(d, h, w);
                    var place = head.Centre + shift + Vector3.Transform(Place(d, h, w) * scale, turn) + new Vector3(x[w], y[w], z[w]);
                    Brain[i] = head.Sample(place, brightness);
                    if (Brain[i] <= 0)
                        continue;
                    for (var k = 0; k < brightness.Length; k++)
                        Brightness[k][i] = brightness[k];
                    if (Brain[i] > 0.5f && head.IsBorder(place))
                        Border.Add(i);
                }
            }
        }
    }

    /// <summary>The part of each voxel that is brain.</summary>
    public float[] Brain { get; }

    /// <summary>Brightness in each of <see cref="Contrast.All"/>, before bias and noise.</summary>
    public float[][] Brightness { get; }

    /// <summary>1 where a metastasis is.</summary>
    public float[] Mask { get; }

    /// <summary>Voxels at which grey matter meets white matter.</summary>
    public List<int> Border { get; } = [];

    /// <summary>Place of a voxel in mm (right, anterior, superior) from the middle of the volume.</summary>
    public Vector3 Place(int d, int h, int w) => new(
        (float)(((_shape.Width - 1) / 2.0 - w) * _spacing.Width),
        (float)(((_shape.Height - 1) / 2.0 - h) * _spacing.Height),
        (float)((d - (_shape.Depth - 1) / 2.0) * _spacing.Depth));

    /// <inheritdoc cref="Place(int, int, int)"/>
    public Vector3 Place(int i)
    {
        var (d, h, w) = _shape.PlaceOf(i);
        return Place(d, h, w);
    }

    /// <summary>Whether the voxel nearest to that place is brain.</summary>
    public bool IsBrain(Vector3 place)
    {
        var (d, h, w) = Voxel(place);
        return d >= 0 && h >= 0 && w >= 0 && d < _shape.Depth && h < _shape.Height && w < _shape.Width && Brain[Index(d, h, w)] > 0.5f;
    }

    /// <summary>The box of voxels within some mm of a place, cut at the volume's faces.</summary>
    public (int D0, int D1, int H0, int H1, int W0, int W1) Box(Vector3 place, float reach)
    {
        var (d0, h1, w1) = Voxel(place - new Vector3(reach));
        var (d1, h0, w0) = Voxel(place + new Vector3(reach));
        return (
            Math.Max(0, d0),
            Math.Min(_shape.Depth - 1, d1),
            Math.Max(0, h0),
            Math.Min(_shape.Height - 1, h1),
            Math.Max(0, w0),
            Math.Min(_shape.Width - 1, w1));
    }

    public int Index(int d, int h, int w) => _shape.IndexOf(d, h, w);

    private (int D, int H, int W) Voxel(Vector3 place) => (
        (int)Math.Round(place.Z / _spacing.Depth + (_shape.Depth - 1) / 2.0),
        (int)Math.Round((_shape.Height - 1) / 2.0 - place.Y / _spacing.Height),
        (int)Math.Round((_shape.Width - 1) / 2.0 - place.X / _spacing.Width));

    private static float Degrees(double deviation, SeededRandom random) => (float)(random.Normal() * deviation * Math.PI / 180);
}
