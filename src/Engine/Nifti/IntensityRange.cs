namespace VoxelZoo.Engine.Nifti;

/// <summary>Running statistics of intensities in float64; numbers that are not finite are counted and left out.</summary>
internal struct IntensityRange
{
    // a sum of 2⁶² numbers of that size still fits
    private const double Scale = 1.0 / (1L << 62);

    private double _min;
    private double _max;
    private double _sum;
    private double _scaledSum;
    private long _finite;

    public readonly double? Min => _finite > 0 ? _min : null;

    public readonly double? Max => _finite > 0 ? _max : null;

    /// <summary>The mean, also where the sum itself is too large for a number.</summary>
    public readonly double? Mean => _finite > 0 ? double.IsFinite(_sum) ? _sum / _finite : _scaledSum / _finite / Scale : null;

    public long NonFinite { get; private set; }

    /// <summary>Counts an intensity that was added as not finite, because what holds it cannot.</summary>
    public void AddOverflow() => NonFinite++;

    public void Add(double intensity)
    {
        if (!double.IsFinite(intensity))
        {
            NonFinite++;
            return;
        }

        if (_finite == 0 || intensity < _min)
            _min = intensity;
        if (_finite == 0 || intensity > _max)
            _max = intensity;
        _sum += intensity;
        _scaledSum += intensity * Scale;
        _finite++;
    }
}
