using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>A file stands where the folder of the checkpoints belongs, so that none can be written.</summary>
[Collection(Alone.Name)]
public sealed class FailedSaveTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    /// <summary>The first checkpoint is due after the second epoch, of four steps, and none is being written before.</summary>
    private ExperimentPlan Plan(int epochs)
    {
        var plan = TinyRun.Plan(cohort);
        return plan with { Training = plan.Training with { Epochs = epochs, CheckpointEvery = 2 } };
    }

    private static void Block(TinyRun run)
    {
        Directory.Move(run.Folder.Checkpoints, run.Folder.Checkpoints + "-away");
        File.WriteAllText(run.Folder.Checkpoints, "");
    }

    private static void Unblock(TinyRun run)
    {
        File.Delete(run.Folder.Checkpoints);
        Directory.Move(run.Folder.Checkpoints + "-away", run.Folder.Checkpoints);
    }

    [Fact]
    public void Checkpoint_that_cannot_be_written_is_written_an_epoch_later()
    {
        using var run = new TinyRun();
        var status = run.Train(Plan(4), stepped: facts =>
        {
            if (facts.Step == 6)
                Block(run);
            if (facts.Step == 10)
                Unblock(run);
        }, validate: false);
        Assert.Equal((RunState.Completed, 1), (status.Status, status.FailedCheckpoints));
        Assert.Contains("no checkpoint was written after epoch 2", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(["step-00000012", "step-00000016"], run.Checkpoints);
    }

    [Fact]
    public void Three_in_a_row_end_the_run()
    {
        using var run = new TinyRun();
        Assert.ThrowsAny<IOException>(() => run.Train(Plan(20), stepped: facts =>
        {
            if (facts.Step == 6)
                Block(run);
        }, validate: false));
        Assert.Equal(2, run.Warnings.Count);
        Assert.Equal((RunState.Failed, 16L), (run.Folder.ReadStatus()!.Status, run.Folder.ReadStatus()!.Step));
        Assert.Equal(3, run.Folder.ReadStatus()!.FailedCheckpoints);
        Unblock(run);
        var resumed = run.Train(Plan(20), resume: true, validate: false);
        Assert.Equal((RunState.Completed, 3, 2), (resumed.Status, resumed.FailedCheckpoints, resumed.Segments));
    }

    [Fact]
    public void The_last_checkpoint_has_to_be_written()
    {
        using var run = new TinyRun();
        Assert.ThrowsAny<IOException>(() => run.Train(Plan(2), stepped: facts =>
        {
            if (facts.Step == 6)
                Block(run);
        }, validate: false));
        Assert.Equal(RunState.Failed, run.Folder.ReadStatus()!.Status);
    }

    [Fact]
    public void Every_so_many_epochs_one_is_kept_for_good()
    {
        using var run = new TinyRun();
        var plan = Plan(7);
        run.Train(
            plan with { Training = plan.Training with { KeepEvery = 2, KeepCheckpoints = 1, CheckpointEvery = 100 } }, validate: false);
        Assert.Equal(["step-00000008", "step-00000016", "step-00000024", "step-00000028"], run.Checkpoints);
    }
}
