namespace VoxelZoo.Engine.Nifti;

/// <summary>
/// Running statistics of intensities in float64; numbers that are not finite in float32, which is what a network gets,
/// are counted and left out.
/// </summary>
internal struct IntensityRange
{
    private double _min;
    private double _max;
    private double _sum;
    private long _finite;

    public readonly double? Min => _finite > 0 ? _min : null;

    public readonly double? Max => _finite > 0 ? _max : null;

    /// <summary>The mean; a sum of what float32 can hold is far from too large for a float64.</summary>
    public readonly double? Mean => _finite > 0 ? _sum / _finite : null;

    public long NonFinite { get; private set; }

    public void Add(double intensity)
    {
        if (!float.IsFinite((float)intensity))
        {
            NonFinite++;
            return;
        }

        if (_finite == 0 || intensity < _min)
            _min = intensity;
        if (_finite == 0 || intensity > _max)
            _max = intensity;
        _sum += intensity;
        _finite++;
    }
}
