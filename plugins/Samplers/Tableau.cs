using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>The right side of <c>y' = f(t, y)</c>. The result belongs to the current dispose scope.</summary>
/// <param name="t">The time.</param>
/// <param name="y">The state, of any shape and floating type.</param>
internal delegate Tensor Slope(double t, Tensor y);

/// <summary>
/// An explicit Runge–Kutta method: <c>k_i = f(t + c_i·h, y + h·Σ_j a_ij·k_j)</c>, then <c>y + h·Σ_i b_i·k_i</c>. It knows nothing of
/// diffusion.
/// </summary>
/// <param name="Order">The method's order p: the error of a step is O(h^(p + 1)).</param>
/// <param name="C">Where in the step each stage lies, from 0 to 1; the first is 0.</param>
/// <param name="A">Row i − 1: weights of the earlier slopes in the state of stage i.</param>
/// <param name="B">Weights of the slopes in the step.</param>
internal record Tableau(int Order, double[] C, double[][] A, double[] B)
{
    /// <summary>Whether a stage lies at the end of the step.</summary>
    public bool ReachesEnd => C.Contains(1);

    /// <summary>The state after one step.</summary>
    public Tensor Step(Slope f, double t, double next, Tensor y)
    {
        using var scope = NewDisposeScope();
        return Add(y, next - t, B, Slopes(f, t, next, y)).MoveToOuterDisposeScope();
    }

    /// <summary>The slopes k of the stages of a step.</summary>
    /// <param name="f">The equation.</param>
    /// <param name="t">The step's start.</param>
    /// <param name="next">The step's end; stages there are evaluated at exactly this time.</param>
    /// <param name="y">The state at the start.</param>
    /// <param name="first">f(t, y) where it is known.</param>
    public Tensor[] Slopes(Slope f, double t, double next, Tensor y, Tensor? first = null)
    {
        var h = next - t;
        var slopes = new Tensor[C.Length];
        slopes[0] = first ?? f(t, y);
        for (var stage = 1; stage < C.Length; stage++)
        {
            using var state = Add(y, h, A[stage - 1], slopes);
            slopes[stage] = f(C[stage] == 1 ? next : t + C[stage] * h, state);
        }

        return slopes;
    }

    /// <summary><c>y + h·Σ_i w_i·k_i</c>, a new tensor.</summary>
    public static Tensor Add(Tensor y, double h, double[] weights, Tensor[] slopes)
    {
        var sum = y.clone();
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] != 0)
                sum.add_(slopes[i], alpha: S(h * weights[i]));
        }

        return sum;
    }
}

/// <summary>
/// A method that estimates its own error with a second set of weights. Its last stage lies at the end of the step, so that this slope
/// serves as the first of the next step: a step costs one evaluation less than it has stages.
/// </summary>
/// <param name="Order">Order of the weights <paramref name="B"/>, with which the solution goes on.</param>
/// <param name="C">Where in the step each stage lies.</param>
/// <param name="A">Weights of earlier slopes in the states of the stages.</param>
/// <param name="B">Weights of the slopes in the step.</param>
/// <param name="Embedded">Weights of the method of lower order; the difference of the two is the estimate of the error.</param>
/// <param name="Middle">Weights of the slopes in half the step, for interpolation.</param>
internal sealed record EmbeddedTableau(int Order, double[] C, double[][] A, double[] B, double[] Embedded, double[] Middle)
    : Tableau(Order, C, A, B)
{
    /// <summary>Weights of the slopes in the estimate of the error.</summary>
    public double[] Error { get; } = [.. B.Zip(Embedded, (high, low) => high - low)];

    /// <summary>
    /// The state between the ends of a step: the polynomial of fourth degree through the states at the start, half-way and at the end with
    /// the slopes at the start and the end.
    /// </summary>
    /// <param name="share">Where, from 0 (the start) to 1 (the end).</param>
    /// <param name="h">The step's length, with its sign.</param>
    /// <param name="y">The state at the start.</param>
    /// <param name="end">The state at the end.</param>
    /// <param name="slopes">The slopes of the stages.</param>
    public Tensor Interpolate(double share, double h, Tensor y, Tensor end, Tensor[] slopes)
    {
        using var scope = NewDisposeScope();
        var middle = Add(y, h, Middle, slopes);
        var s = share;
        var rest = 1 - s;
        // the five basis polynomials: each has one of the five values (three states, two slopes) at 1 and the others at 0
        var start = rest * rest * (1 - 2 * s) * (1 + 4 * s);
        var half = 16 * s * s * rest * rest;
        var last = s * s * (2 * s - 1) * (5 - 4 * s);
        var slopeAtStart = s * rest * rest * (1 - 2 * s);
        var slopeAtEnd = -s * s * rest * (2 * s - 1);
        var result = y * S(start) + middle * S(half) + end * S(last) + slopes[0] * S(h * slopeAtStart) + slopes[^1] * S(h * slopeAtEnd);
        return result.MoveToOuterDisposeScope();
    }
}
