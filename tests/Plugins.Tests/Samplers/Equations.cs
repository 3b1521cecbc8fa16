using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Samplers;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

/// <summary>Equations <c>y' = f(t, y)</c> to try solvers on.</summary>
internal static class Equations
{
    /// <summary>That of <c>tests/Reference/ode</c>: <c>y' = tanh(A·y) + sin(3t)·y</c>, from t = 1 to 0.</summary>
    public static Slope OfReference(NamedTensors reference) => (t, y) => matmul(reference["a"], y).tanh() + y * S(Math.Sin(3 * t));

    /// <summary><c>y' = y²·cos t</c>, which is neither linear nor autonomous and has the solution <see cref="Smoothly"/>.</summary>
    public static Tensor Smooth(double t, Tensor y) => y.square() * S(Math.Cos(t));

    /// <summary>The solution <c>1/(c − sin t)</c> for three values of c.</summary>
    public static Tensor Smoothly(double t) => (tensor([2.0, 3.0, -1.5]) - S(Math.Sin(t))).reciprocal();

    /// <summary>Standard normal numbers that are the same in every run, whatever the tests beside draw.</summary>
    public static Tensor Drawn(long[] shape, ulong seed)
    {
        using var random = new Generator(seed, CPU);
        return randn(shape, generator: random);
    }

    /// <summary>
    /// The exact velocity of rectified flow for data of independent Gaussian voxels, also at τ = 0, where noise cannot be told from data:
    /// <c>E[x0 − ε | x]</c>. Its flow takes ε to <c>mean + deviation·ε</c>.
    /// </summary>
    public static Predictor GaussianVelocity(double mean, double deviation) => (x, t) =>
    {
        var (tau, variance) = (t / NoiseProcess.Horizon, deviation * deviation);
        var slope = ((1 - tau) * variance - tau) / (Math.Pow((1 - tau) * deviation, 2) + tau * tau);
        return (x - S((1 - tau) * mean)) * S(slope) + S(mean);
    };

    public static double Distance(Tensor actual, Tensor expected) => (actual - expected).abs().max().ToDouble();
}
