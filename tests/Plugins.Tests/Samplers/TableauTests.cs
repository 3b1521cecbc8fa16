using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Samplers.Equations;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class TableauTests
{
    private static readonly Dictionary<string, Tableau> ByName = new()
    {
        ["euler"] = Tableaus.Euler,
        ["midpoint"] = Tableaus.Midpoint,
        ["heun2"] = Tableaus.Heun2,
        ["heun3"] = Tableaus.Heun3,
        ["rk4"] = Tableaus.Rk4,
        ["fehlberg2"] = Tableaus.Fehlberg2,
        ["bosh3"] = Tableaus.Bosh3,
        ["dopri5"] = Tableaus.Dopri5,
        ["dopri8"] = Tableaus.Dopri8,
    };

    public static TheoryData<string> Names => [.. ByName.Keys];

    public static TheoryData<string> Embedded => [.. ByName.Where(pair => pair.Value is EmbeddedTableau).Select(pair => pair.Key)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Weights_of_each_stage_add_up_to_its_place(string name)
    {
        var tableau = ByName[name];
        Assert.Equal(tableau.C.Length - 1, tableau.A.Length);
        Assert.Equal(0, tableau.C[0]);
        for (var stage = 1; stage < tableau.C.Length; stage++)
        {
            Assert.Equal(stage, tableau.A[stage - 1].Length);
            Assert.Equal(tableau.C[stage], tableau.A[stage - 1].Sum(), 1e-14);
        }

        Assert.Equal(tableau.C.Length, tableau.B.Length);
        Assert.Equal(1, tableau.B.Sum(), 1e-14);
    }

    [Theory]
    [MemberData(nameof(Embedded))]
    public void Embedded_method_ends_at_the_end_of_the_step_and_knows_its_middle(string name)
    {
        var tableau = (EmbeddedTableau)ByName[name];
        Assert.Equal(1, tableau.C[^1]);
        Assert.Equal(0, tableau.Error.Sum(), 1e-14);
        Assert.Equal(0.5, tableau.Middle.Sum(), 1e-14);
    }

    // the quadrature conditions of half a step: Σ m·c^(q − 1) = (1/2)^q / q
    [Theory]
    [InlineData("dopri5", 4)]
    [InlineData("dopri8", 5)]
    public void Middle_has_the_order_of_its_interpolant(string name, int order)
    {
        var tableau = (EmbeddedTableau)ByName[name];
        for (var q = 1; q <= order; q++)
            Assert.Equal(Math.Pow(0.5, q) / q, tableau.Middle.Zip(tableau.C, (weight, c) => weight * Math.Pow(c, q - 1)).Sum(), 1e-12);
    }

    [Fact]
    public void Rk4_is_the_rule_of_three_eighths()
    {
        Assert.Equal([1.0 / 8, 3.0 / 8, 3.0 / 8, 1.0 / 8], Tableaus.Rk4.B);
        Assert.Equal([0, 1.0 / 3, 2.0 / 3, 1], Tableaus.Rk4.C);
        Assert.Equal([-1.0 / 3, 1], Tableaus.Rk4.A[1]);
        Assert.Equal([1.0, -1, 1], Tableaus.Rk4.A[2]);
    }

    [Theory]
    [InlineData("euler", 5)]
    [InlineData("euler", 10)]
    [InlineData("midpoint", 5)]
    [InlineData("midpoint", 10)]
    [InlineData("heun2", 5)]
    [InlineData("heun2", 10)]
    [InlineData("heun3", 5)]
    [InlineData("heun3", 10)]
    [InlineData("rk4", 5)]
    [InlineData("rk4", 10)]
    public void Fixed_steps_are_those_of_the_reference(string name, int steps)
    {
        using var scope = NewDisposeScope();
        var reference = Reference.Tensors("ode.io.safetensors");
        var y = Integrate(ByName[name], OfReference(reference), 1, 0, reference["y0"], steps);
        Assert.True(Distance(y, reference[$"{name}.{steps}"]) < 1e-10);
    }

    [Theory]
    [InlineData("euler", 128)]
    [InlineData("midpoint", 64)]
    [InlineData("heun2", 64)]
    [InlineData("heun3", 64)]
    [InlineData("rk4", 32)]
    [InlineData("fehlberg2", 64)]
    [InlineData("bosh3", 64)]
    [InlineData("dopri5", 32)]
    [InlineData("dopri8", 12)]
    public void Error_falls_with_the_order_of_the_method(string name, int steps) =>
        Assert.Equal(ByName[name].Order, ObservedOrder(ByName[name], steps), 0.2);

    [Theory]
    [InlineData("fehlberg2", 1, 128)]
    [InlineData("bosh3", 2, 64)]
    [InlineData("dopri5", 4, 32)]
    [InlineData("dopri8", 7, 12)]
    public void Error_of_the_embedded_method_falls_with_one_order_less(string name, int order, int steps)
    {
        var tableau = (EmbeddedTableau)ByName[name];
        Assert.Equal(order, ObservedOrder(new Tableau(order, tableau.C, tableau.A, tableau.Embedded), steps), 0.2);
    }

    private static double ObservedOrder(Tableau tableau, int steps)
    {
        using var scope = NewDisposeScope();
        return Math.Log2(Error(steps) / Error(2 * steps));

        double Error(int steps) => Distance(Integrate(tableau, Smooth, 0, 2, Smoothly(0), steps), Smoothly(2));
    }

    private static Tensor Integrate(Tableau tableau, Slope f, double start, double end, Tensor y, int steps)
    {
        for (var step = 0; step < steps; step++)
            y = tableau.Step(f, start + (end - start) * step / steps, start + (end - start) * (step + 1) / steps, y);
        return y;
    }
}
