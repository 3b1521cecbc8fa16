using VoxelZoo.Engine.Diffusion.Sweeps;

namespace VoxelZoo.Engine.Tests.Diffusion.Sweeps;

public sealed class SolverConfigurationTests
{
    [Fact]
    public void Sweep_has_five_solvers_with_five_step_counts_and_four_with_two_tolerances()
    {
        var all = SolverConfiguration.All;

        Assert.Equal(33, all.Select(one => one.Name).Distinct().Count());
        Assert.Equal(
            new[] { "euler", "heun2", "heun3", "midpoint", "rk4" }.SelectMany(
                solver => new[] { 5, 10, 25, 50, 100 }.Select(n => $"{solver}_{n}")).Order(),
            all.Where(one => one.Steps is not null).Select(one => one.Name).Order());
        Assert.Equal(
            ["bosh3_1e-2", "bosh3_1e-3", "dopri5_1e-2", "dopri5_1e-3", "dopri8_1e-2", "dopri8_1e-3", "fehlberg2_1e-2", "fehlberg2_1e-3"],
            all.Where(one => one.Tolerance is not null).Select(one => one.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Fastest_come_first()
    {
        Assert.Equal("euler_5", SolverConfiguration.All[0].Name);
        Assert.Equal("rk4_100", SolverConfiguration.All[^1].Name);
        Assert.Equal(SolverConfiguration.All.Select(one => one.Calls).Order(), SolverConfiguration.All.Select(one => one.Calls));
    }
}
