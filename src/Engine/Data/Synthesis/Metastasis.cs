using System.Numerics;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>
/// A simulated metastasis: an ellipsoid in any orientation with an uneven surface, a blurred edge, in large ones a dead core, and oedema
/// around it. Lengths are in mm.
/// </summary>
internal sealed class Metastasis
{
    private const int Waves = 5;

    private const float Grain = 0.8f; // how many times finer than the surface it is inside

    private readonly float _enhancement;
    private readonly Quaternion _toAxes;
    private readonly Vector3 _shape;
    private readonly (Vector3 Frequency, float Phase, float Height)[] _waves = new (Vector3, float, float)[Waves];

    /// <summary>Draws everything but the size, which is <paramref name="diameter"/> along the longest axis.</summary>
    public Metastasis(Vector3 centre, double diameter, SeededRandom random)
    {
        Centre = centre;
        Radius = (float)(diameter / 2);
        _toAxes = Quaternion.Normalize(new Quaternion(
            (float)random.Normal(), (float)random.Normal(), (float)random.Normal(), (float)random.Normal()));
        _shape = new Vector3(1, (float)random.Uniform(0.75, 1), (float)random.Uniform(0.65, 0.95));
        for (var i = 0; i < Waves; i++)
        {
            var frequency = new Vector3((float)random.Normal(), (float)random.Normal(), (float)random.Normal()) * 2;
            _waves[i] = (frequency, (float)random.Uniform(0, 2 * Math.PI), (float)random.Uniform(0, 0.07));
        }

        Core = diameter > 9 && random.Uniform() < 0.6 ? (float)random.Uniform(0.35, 0.65) : 0;
        Oedema = diameter > 5 ? (float)Math.Min(12, random.Uniform(0.3, 1.2) * diameter) : 0;
        _enhancement = (float)random.Uniform(0.9, 1.1);
    }

    /// <summary>Where it lies.</summary>
    public Vector3 Centre { get; }

    /// <summary>Half of the longest axis; scaled until the mask has the wanted size.</summary>
    public float Radius { get; set; }

    /// <summary>Radius of the dead core as a part of the whole; 0 without.</summary>
    public float Core { get; }

    /// <summary>How far oedema reaches beyond the surface in mm; 0 without.</summary>
    public float Oedema { get; }

    /// <summary>No part of it, oedema included, lies further from the centre.</summary>
    public float Reach => Radius * (1 + 0.07f * Waves) + Oedema + 2;

    /// <summary>Factor on the brightness at a place inside: tumours are not of one piece.</summary>
    public float Texture(Vector3 place)
    {
        var texture = _enhancement;
        foreach (var (frequency, phase, height) in _waves)
            texture += 0.7f * height * MathF.Cos(Vector3.Dot(frequency, place - Centre) * Grain / Radius - phase);
        return texture;
    }

    /// <summary>
    /// Distance of a place from the centre as a part of the distance of the surface in that direction: up to 1 is inside.
    /// </summary>
    public float Depth(Vector3 place)
    {
        var offset = place - Centre;
        var distance = offset.Length();
        if (distance == 0)
            return 0;
        var direction = Vector3.Transform(offset / distance, _toAxes);
        var ellipsoid = 1 / (direction / _shape).Length();
        var uneven = 1f;
        foreach (var (frequency, phase, height) in _waves)
            uneven += height * MathF.Cos(Vector3.Dot(frequency, direction) + phase);
        return distance / (Radius * ellipsoid * uneven);
    }
}
