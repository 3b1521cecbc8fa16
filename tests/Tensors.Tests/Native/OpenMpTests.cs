using TorchSharp;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Tensors.Tests.Native;

/// <summary>How long libgomp says that its threads spin; it tells what it has read where OMP_DISPLAY_ENV asks.</summary>
public sealed class OpenMpTests
{
    [Fact]
    public void Waiting_threads_soon_sleep() => Assert.Contains("GOMP_SPINCOUNT = '1000'", Displayed(), StringComparison.Ordinal);

    [Theory]
    [InlineData(OpenMp.SpinCount, "77", "GOMP_SPINCOUNT = '77'")]
    [InlineData(OpenMp.WaitPolicy, "active", "OMP_WAIT_POLICY = 'ACTIVE'")]
    public void Waiting_is_as_the_user_asks(string variable, string value, string displayed)
    {
        var all = Displayed((variable, value));
        Assert.Contains(displayed, all, StringComparison.Ordinal);
        Assert.DoesNotContain("GOMP_SPINCOUNT = '1000'", all, StringComparison.Ordinal);
    }

    private static string Displayed(params (string Variable, string Value)[] chosen)
    {
        var environment = new Dictionary<string, string> { ["OMP_DISPLAY_ENV"] = "VERBOSE" };
        foreach (var (variable, value) in chosen)
            environment[variable] = value;
        return ChildProcess.Run(typeof(ComputingProcess), environment);
    }
}

/// <summary>Runs in a process of its own: <see cref="OpenMpTests"/>.</summary>
public sealed class ComputingProcess
{
    [Fact(Explicit = true)]
    public void Libtorch_computes() => Assert.Equal(3, torch.ones(3).sum().item<float>());
}
