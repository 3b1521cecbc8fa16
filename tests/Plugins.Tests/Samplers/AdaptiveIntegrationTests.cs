using TorchSharp;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Samplers.Equations;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class AdaptiveIntegrationTests
{
    private static readonly Dictionary<string, EmbeddedTableau> ByName = new()
    {
        ["fehlberg2"] = Tableaus.Fehlberg2,
        ["bosh3"] = Tableaus.Bosh3,
        ["dopri5"] = Tableaus.Dopri5,
        ["dopri8"] = Tableaus.Dopri8,
    };

    public static TheoryData<string, double> Cases =>
        [.. from name in ByName.Keys from tolerance in new[] { 1e-3, 1e-6 } select (name, tolerance)];

    // far closer than the tolerances: the same attempts, accepted and interpolated alike
    [Theory]
    [MemberData(nameof(Cases))]
    public void Result_is_that_of_the_reference(string name, double tolerance)
    {
        using var scope = NewDisposeScope();
        var reference = Reference.Tensors("ode.io.safetensors");
        var y = Run(new(ByName[name], OfReference(reference), new(tolerance, tolerance), 1, reference["y0"], 0, mayPass: true));
        Assert.True(Distance(y, reference[$"{name}.{(tolerance == 1e-3 ? "0.001" : "1e-06")}"]) < 1e-10);
    }

    // Fehlberg's estimate is a 512th of the difference of two slopes: far less than the error of steps as long as it lets through
    [Theory]
    [InlineData("fehlberg2", 300)]
    [InlineData("bosh3", 10)]
    [InlineData("dopri5", 10)]
    [InlineData("dopri8", 10)]
    public void Solution_keeps_to_the_tolerance(string name, double factor)
    {
        using var scope = NewDisposeScope();
        foreach (var tolerance in new[] { 1e-2, 1e-4, 1e-6, 1e-8 })
        {
            var y = Run(new(ByName[name], Smooth, new(tolerance, tolerance), 0, Smoothly(0), 2, mayPass: false));
            Assert.True(Distance(y, Smoothly(2)) < factor * tolerance, $"at {tolerance} the error is {Distance(y, Smoothly(2))}");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Slope_at_the_end_of_a_step_is_used_for_the_next(string name, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (calls, attempts) = (0, 0);
        var integration = new AdaptiveIntegration(ByName[name], Counted, new(tolerance, tolerance), 0, Smoothly(0), 2, mayPass: false);
        for (; !integration.IsDone; attempts++)
            integration.TryStep();
        Assert.Equal(2 + attempts * (ByName[name].C.Length - 1), calls); // two to choose the first step

        Tensor Counted(double t, Tensor y)
        {
            calls++;
            return Smooth(t, y);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Times_beyond_the_end_are_visited_only_if_they_may_be(bool mayPass)
    {
        using var scope = NewDisposeScope();
        List<double> times = [];
        var integration = new AdaptiveIntegration(Tableaus.Dopri5, Noted, new(1e-3, 1e-3), 2, Smoothly(2), 0, mayPass);
        Run(integration);
        Assert.Equal(0, integration.Time);
        Assert.Equal(mayPass, times.Min() < 0);
        Assert.True(Distance(integration.State, Smoothly(0)) < 1e-2);

        Tensor Noted(double t, Tensor y)
        {
            times.Add(t);
            return Smooth(t, y);
        }
    }

    [Fact]
    public void Step_that_is_refused_changes_nothing_but_the_next_length()
    {
        using var scope = NewDisposeScope();
        var calls = 0;
        // calm until the first step is chosen, then wild
        var integration = new AdaptiveIntegration(
            Tableaus.Bosh3,
            (t, y) => ++calls <= 2 ? y * S(1e-3) : y * S(1e3 * Math.Cos(1e4 * t)),
            new(1e-6, 1e-6),
            0,
            ones(3, float64),
            1,
            mayPass: false);
        Assert.False(integration.TryStep());
        Assert.Equal((0, 1, 1e-3), (integration.Time, integration.State[0].ToDouble(), integration.Slope[0].ToDouble()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void Slope_that_is_not_finite_ends_in_a_sentence(double from)
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<InvalidOperationException>(() => Run(
            new(
                Tableaus.Dopri5,
                (t, y) => t < from ? ones_like(y) : y * S(double.NaN),
                new(1e-3, 1e-3),
                0,
                ones(3, float64),
                1,
                mayPass: false)));
        Assert.Contains("is short enough: the slope is not finite or jumps there", error.Message);
    }

    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        using var scope = NewDisposeScope();
        var integration = new AdaptiveIntegration(Tableaus.Dopri8, Smooth, new(1e-9, 1e-9), 0, Smoothly(0), 2, mayPass: false);
        var before = LiveTensors.Settled();
        Run(integration);
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static Tensor Run(AdaptiveIntegration integration)
    {
        while (!integration.IsDone)
            integration.TryStep();
        return integration.State;
    }
}
