using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.DDPM;

/// <summary>
/// ᾱ(t), the share of the data in the variance of x_t: <c>α = √ᾱ</c>, <c>σ = √(1 − ᾱ)</c>. ᾱ(0) = 1; the schedule gives ᾱ at 1 … 1000,
/// after that many steps of noise, and between them log ᾱ is linear, so that noise keeps being added at the rate of the step under way.
/// </summary>
internal sealed class SignalLevels
{
    private const int Steps = (int)NoiseProcess.Horizon;

    // log ᾱ(t) at t = 0 … 1000
    private readonly double[] _logs = new double[Steps + 1];

    /// <param name="betas">β of each step, the first one first.</param>
    private SignalLevels(Func<int, double> betas)
    {
        for (var step = 0; step < Steps; step++)
            _logs[step + 1] = _logs[step] + Math.Log(1 - betas(step));
    }

    public static SignalLevels Cosine()
    {
        const double offset = 0.008;
        const double largestBeta = 0.999; // at t = 1000 the cosine itself is 0, and so would be everything of the data
        return new SignalLevels(step => Math.Min(1 - Share(step + 1) / Share(step), largestBeta));

        static double Share(int t) => Math.Pow(Math.Cos(((double)t / Steps + offset) / (1 + offset) * Math.PI / 2), 2);
    }

    public static SignalLevels LinearBeta(double start, double end) => new(step => Between(start, end, step));

    public static SignalLevels ScaledLinearBeta(double start, double end) =>
        new(step => Math.Pow(Between(Math.Sqrt(start), Math.Sqrt(end), step), 2));

    public double Alpha(double t) => Math.Exp(LogShare(t) / 2);

    public double Sigma(double t) => Math.Sqrt(1 - Math.Exp(LogShare(t)));

    /// <summary>log ᾱ, float64 <c>[B]</c>.</summary>
    public Tensor LogShare(Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var logs = Logs(timesteps);
        var t = timesteps.to(ScalarType.Float64);
        var below = t.floor().clamp(S(0.0), S(Steps - 1.0));
        var index = below.to(ScalarType.Int64);
        return lerp(logs[index], logs[index + S(1L)], t - below).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// d log ᾱ/dτ, float64 <c>[B]</c>. At a whole t, where the slope jumps, that of the times just below it, to which sampling goes on.
    /// </summary>
    public Tensor LogShareSlope(Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var logs = Logs(timesteps);
        var above = timesteps.ceil().clamp(S(1.0), S((double)Steps)).to(ScalarType.Int64);
        return ((logs[above] - logs[above - S(1L)]) * S((double)Steps)).MoveToOuterDisposeScope();
    }

    private double LogShare(double t)
    {
        var below = Math.Clamp((int)Math.Floor(t), 0, Steps - 1);
        return double.Lerp(_logs[below], _logs[below + 1], t - below);
    }

    private Tensor Logs(Tensor like) => tensor(_logs, device: like.device);

    private static double Between(double start, double end, int step) => double.Lerp(start, end, (double)step / (Steps - 1));
}
