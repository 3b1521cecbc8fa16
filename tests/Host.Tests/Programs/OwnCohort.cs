namespace VoxelZoo.Host.Tests.Programs;

/// <summary>A cohort of one's own beside a run that was trained on it: <c>a/cohort</c> and <c>a/run</c> of a workspace.</summary>
public sealed class OwnCohort : IDisposable
{
    internal Workspace Work { get; } = new();

    public OwnCohort()
    {
        var made = Work.Program(
            "data", "synthesize", "--out", Work.At("a/cohort"),
            "--set", "train=2", "--set", "val=1", "--set", "test=1", "--set", "depth=30", "--set", "height=32", "--set",
            "width=32", "--set", "max_lesions=3");
        Assert.True(made.ExitCode == 0, made.Error);
        var trained = Work.Program(
            "train", "exp11", "--profile", "smoke", "--set", $"data.cohort={Work.At("a/cohort")}", "--run", Work.At("a/run"));
        Assert.True(trained.ExitCode == 0, trained.Error);
    }

    /// <summary>A copy of both, as <c>mv</c> would leave it.</summary>
    /// <param name="to">The folder below <paramref name="work"/>.</param>
    /// <param name="work">Where to.</param>
    internal void Copy(string to, Workspace work) => work.Copy(Work.At("a"), to);

    public void Dispose() => Work.Dispose();
}
