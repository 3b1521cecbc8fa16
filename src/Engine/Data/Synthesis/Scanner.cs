using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>What a scanner makes of the brightness of tissue.</summary>
internal static class Scanner
{
    /// <summary>
    /// Applies gain, a smooth bias field and the noise of a magnitude image (Rician: Gudbjartsson and Patz, 10.1002/mrm.1910340618), and
    /// rounds to whole intensities, in place. Outside the brain all is 0, as after skull stripping.
    /// </summary>
    public static void Expose(float[] brightness, float[] brain, float units, SynthesisOptions options, SeededRandom random)
    {
        var shape = new VolumeShape(1, options.Depth, options.Height, options.Width);
        var gain = units * random.Uniform(0.85, 1.15);
        var bias = new SmoothField(shape, options.Spacing, distance: 100, options.Bias, random);
        Span<float> row = new float[shape.Width];
        for (var d = 0; d < shape.Depth; d++)
        {
            for (var h = 0; h < shape.Height; h++)
            {
                bias.Row(d, h, row);
                for (var w = 0; w < shape.Width; w++)
                {
                    var i = shape.IndexOf(d, h, w);
                    if (brain[i] <= 0.5f)
                    {
                        brightness[i] = 0;
                        continue;
                    }

                    var (real, imaginary) = random.Normals();
                    var signal = brightness[i] * Math.Exp(row[w]) + options.Noise * real;
                    var noise = options.Noise * imaginary;
                    brightness[i] = (float)Math.Round(gain * Math.Sqrt(signal * signal + noise * noise));
                }
            }
        }
    }
}
