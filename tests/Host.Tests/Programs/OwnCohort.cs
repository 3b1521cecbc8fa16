using VoxelZoo.Host.Tests.Programs;

[assembly: AssemblyFixture(typeof(OwnCohort))]

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>
/// A cohort of one's own beside a run that was trained on it: <c>a/cohort</c> and <c>a/run</c> of a workspace, made for the first test
/// that asks; not to be changed.
/// </summary>
public sealed class OwnCohort : IDisposable
{
    private readonly Lazy<Workspace> _work = new(Make);

    internal string Cohort => _work.Value.At("a/cohort");

    internal string Run => _work.Value.At("a/run");

    /// <summary>A copy of both, as <c>mv</c> would leave it.</summary>
    /// <param name="to">The folder below <paramref name="work"/>.</param>
    /// <param name="work">Where to.</param>
    internal void Copy(string to, Workspace work) => work.Copy(_work.Value.At("a"), to);

    public void Dispose()
    {
        if (_work.IsValueCreated)
            _work.Value.Dispose();
    }

    private static Workspace Make()
    {
        var work = new Workspace();
        var made = work.Program(
            "data", "synthesize", "--out", work.At("a/cohort"),
            "--set", "train=2", "--set", "val=1", "--set", "test=1", "--set", "depth=30", "--set", "height=32", "--set",
            "width=32", "--set", "max_lesions=3");
        Assert.True(made.ExitCode == 0, made.Error);
        var trained = work.Program(
            "train", "exp11", "--profile", "smoke", "--set", $"data.cohort={work.At("a/cohort")}", "--run", work.At("a/run"));
        Assert.True(trained.ExitCode == 0, trained.Error);
        return work;
    }
}
