using System.Numerics;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>Puts metastases of wanted sizes at the border of grey and white matter and draws them into mask and images.</summary>
internal sealed class MetastasisPainter(SyntheticPatient patient, Spacing spacing, SeededRandom random)
{
    // the original's distribution of sizes when it asks for masks
    private static readonly double[] BinWeights = [0.05, 0.1, 0.2, 0.25, 0.2, 0.15, 0.05];
    private const double Largest = 38;
    private const int Places = 200;

    private readonly List<Metastasis> _painted = [];
    private readonly float _voxel = (float)Math.Max(spacing.Depth, Math.Max(spacing.Height, spacing.Width));

    /// <summary>A bin of <see cref="TumourSizes"/>, drawn by the weights.</summary>
    public int DrawBin()
    {
        var draw = random.Uniform();
        var bin = 0;
        while (bin < BinWeights.Length - 1 && (draw -= BinWeights[bin]) >= 0)
            bin++;
        return bin;
    }

    /// <summary>
    /// Adds one metastasis whose diameter in the mask falls into the bin, or a single voxel where that is
    /// larger; none where there is no room.
    /// </summary>
    public void Add(int bin)
    {
        var from = TumourSizes.Edges[bin];
        var to = bin + 1 < TumourSizes.Edges.Count ? TumourSizes.Edges[bin + 1] : Largest;
        var diameter = random.Uniform(from + 0.15 * (to - from), to - 0.15 * (to - from));
        for (var trial = 0; trial < Places && patient.Border.Count > 0; trial++)
        {
            var centre = patient.Place(patient.Border[random.Below(patient.Border.Count)]);
            var tumour = new Metastasis(centre, Math.Max(diameter, 1), random);

            // large ones find few places with brain all around; then less of it has to be
            if (!HasRoom(centre, tumour.Radius * (1 - 0.5f * trial / Places)) || Fit(tumour, diameter, bin) is not { } voxels)
                continue;
            foreach (var i in voxels)
                patient.Mask[i] = 1;
            Paint(tumour);
            _painted.Add(tumour);
            return;
        }
    }

    private bool HasRoom(Vector3 centre, float radius)
    {
        foreach (var other in _painted)
        {
            if (Vector3.Distance(centre, other.Centre) < radius + other.Reach - other.Oedema + 2 * _voxel)
                return false;
        }

        for (var x = -1; x <= 1; x++)
        {
            for (var y = -1; y <= 1; y++)
            {
                for (var z = -1; z <= 1; z++)
                {
                    var direction = new Vector3(x, y, z);
                    if (direction != Vector3.Zero && !patient.IsBrain(centre + radius * Vector3.Normalize(direction)))
                        return false;
                }
            }
        }

        return true;
    }

    /// <summary>
    /// Scales the tumour until its mask has the diameter; null where brain and neighbours leave no such mask in one piece.
    /// </summary>
    private List<int>? Fit(Metastasis tumour, double diameter, int bin)
    {
        for (var step = 0; step < 8; step++)
        {
            var (voxels, sizes) = Rasterise(tumour);
            if (sizes.Count != 1)
                return null;
            if (TumourSizes.BinOf(sizes[0]) == bin || (voxels.Count == 1 && sizes[0] > diameter))
                return voxels;
            tumour.Radius *= (float)Math.Clamp(diameter / sizes[0], 0.6, 1.5);
        }

        return null;
    }

    private (List<int> Voxels, IReadOnlyList<double> Sizes) Rasterise(Metastasis tumour)
    {
        // one voxel more on each side, to see neighbours
        var (d0, d1, h0, h1, w0, w1) = patient.Box(tumour.Centre, tumour.Reach - tumour.Oedema + _voxel);
        var shape = new VolumeShape(1, d1 - d0 + 1, h1 - h0 + 1, w1 - w0 + 1);
        var mask = new float[shape.Voxels];
        var voxels = new List<int>();
        var at = 0;
        for (var d = d0; d <= d1; d++)
        {
            for (var h = h0; h <= h1; h++)
            {
                for (var w = w0; w <= w1; w++, at++)
                {
                    var i = patient.Index(d, h, w);
                    if (patient.Brain[i] <= 0.5f || tumour.Depth(patient.Place(d, h, w)) > 1)
                        continue;
                    mask[at] = 1;
                    voxels.Add(i);
                }
            }
        }

        return (voxels, TumourSizes.Diameters(mask, shape, spacing));
    }

    private void Paint(Metastasis tumour)
    {
        // the edge is blurred over a millimetre, or over a voxel where that is more
        var edge = Math.Max(1, _voxel) / tumour.Radius;
        var (d0, d1, h0, h1, w0, w1) = patient.Box(tumour.Centre, tumour.Reach + _voxel);
        for (var d = d0; d <= d1; d++)
        {
            for (var h = h0; h <= h1; h++)
            {
                for (var w = w0; w <= w1; w++)
                {
                    var i = patient.Index(d, h, w);
                    if (patient.Brain[i] <= 0.5f)
                        continue;
                    var place = patient.Place(d, h, w);
                    var depth = tumour.Depth(place);
                    var inside = Fall(depth, 1, edge);
                    var core = tumour.Core > 0 ? Fall(depth, tumour.Core, edge) : 0;
                    var oedema = tumour.Oedema > 0 ? Fall(depth, 1 + tumour.Oedema / tumour.Radius / 2, tumour.Oedema / tumour.Radius) : 0;
                    Mix(i, tumour.Texture(place), inside, core, oedema);
                }
            }
        }
    }

    private void Mix(int i, float texture, float inside, float core, float oedema)
    {
        // oedema follows white matter; bravo tells white from grey best
        var bravo = Contrast.All[0];
        oedema *= Math.Clamp((patient.Brightness[0][i] - bravo.Grey) / (bravo.White - bravo.Grey), 0, 1);
        for (var k = 0; k < Contrast.All.Count; k++)
        {
            var contrast = Contrast.All[k];
            ref var brightness = ref patient.Brightness[k][i];
            brightness += (contrast.Oedema - brightness) * oedema;
            brightness += (contrast.Tumour * texture - brightness) * inside;
            brightness += (contrast.Core - brightness) * core;
        }
    }

    /// <summary>1 well below the edge, 0 well above it, smooth over its width between.</summary>
    private static float Fall(float depth, float edge, float width)
    {
        var t = Math.Clamp((edge - depth) / width + 0.5f, 0, 1);
        return t * t * (3 - 2 * t);
    }
}
