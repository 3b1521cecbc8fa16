using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>
/// A smooth random scalar field on a volume: independent normal control points, between them uniform cubic B-splines
/// (Rueckert et al., 10.1109/42.796284, eq. 1). Evaluated a row at a time.
/// </summary>
internal sealed class SmoothField
{
    // With unit control points the field's variance is the mean of Σw² along each axis, 151/315, cubed.
    private static readonly double UnitScale = Math.Pow(315.0 / 151, 1.5);

    private readonly float[] _points;
    private readonly Axis _d;
    private readonly Axis _h;
    private readonly Axis _w;
    private readonly float[] _line;

    /// <summary>
    /// Draws a field of root mean square <paramref name="amplitude"/> with control points about <paramref name="distance"/> mm apart.
    /// </summary>
    public SmoothField(VolumeShape shape, Spacing spacing, double distance, double amplitude, SeededRandom random)
    {
        _d = new Axis(shape.Depth, spacing.Depth, distance);
        _h = new Axis(shape.Height, spacing.Height, distance);
        _w = new Axis(shape.Width, spacing.Width, distance);
        _points = new float[_d.Points * _h.Points * _w.Points];
        for (var i = 0; i < _points.Length; i++)
            _points[i] = (float)(amplitude * UnitScale * random.Normal());
        _line = new float[_w.Points];
    }

    /// <summary>The field along row (d, h), one value a column.</summary>
    public void Row(int d, int h, Span<float> values)
    {
        Array.Clear(_line);
        for (var i = 0; i < 4; i++)
        {
            for (var j = 0; j < 4; j++)
            {
                var weight = _d.Weights[4 * d + i] * _h.Weights[4 * h + j];
                var from = ((_d.First[d] + i) * _h.Points + _h.First[h] + j) * _w.Points;
                for (var k = 0; k < _line.Length; k++)
                    _line[k] += weight * _points[from + k];
            }
        }

        for (var w = 0; w < values.Length; w++)
        {
            var first = _w.First[w];
            values[w] = _w.Weights[4 * w] * _line[first] + _w.Weights[4 * w + 1] * _line[first + 1]
                + _w.Weights[4 * w + 2] * _line[first + 2] + _w.Weights[4 * w + 3] * _line[first + 3];
        }
    }

    /// <summary>The four control points and weights that act at each voxel along one axis.</summary>
    private sealed class Axis
    {
        public Axis(int size, double spacing, double distance)
        {
            var cells = Math.Max(1, (int)Math.Round(size * spacing / distance));
            Points = cells + 3;
            First = new int[size];
            Weights = new float[4 * size];
            for (var i = 0; i < size; i++)
            {
                var place = (i + 0.5) / size * cells;
                var t = place - Math.Floor(place);
                First[i] = (int)place;
                Weights[4 * i] = (float)((1 - t) * (1 - t) * (1 - t) / 6);
                Weights[4 * i + 1] = (float)((3 * t * t * t - 6 * t * t + 4) / 6);
                Weights[4 * i + 2] = (float)((-3 * t * t * t + 3 * t * t + 3 * t + 1) / 6);
                Weights[4 * i + 3] = (float)(t * t * t / 6);
            }
        }

        public int Points { get; }

        public int[] First { get; }

        public float[] Weights { get; }
    }
}
