using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Experiments;

/// <summary>What a benchmark makes of a clock that goes on by a second whenever it is looked at.</summary>
public sealed class BenchmarkTests : IDisposable
{
    private readonly TinyCohort _cohort = new();

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public void Shares_are_those_of_the_clock()
    {
        var experiment = new DiffusionExperiment(Plan(epochs: 4), new ExperimentContext { Clock = new CountingClock() });

        var measured = experiment.Measure(steps: 2, cancellation: Test);

        Assert.Equal(("tiny", "cpu"), (measured.Experiment, measured.Device));
        Assert.True(measured.Steps >= 2);
        // a step looks at its begin and its end, at both ends of backward pass and optimiser, and the watch once between two steps
        Assert.Equal(7, measured.StepSeconds);
        Assert.Equal(TinyRun.Plan(_cohort).Training.BatchSize / 7.0, measured.SamplesPerSecond, 1e-9);
        var share = measured.Share;
        Assert.Equal(3, share.Forward / share.Backward, 1e-9);
        Assert.Equal(1, share.Optimizer / share.Backward, 1e-9);
        Assert.Equal(2, share.Data / share.Backward, 1e-9);
        Assert.True(share.Validation > 0);
        Assert.Equal(1, share.Forward + share.Backward + share.Optimizer + share.Data + share.Validation!.Value, 1e-9);
        Assert.True(measured.PeakMebibytes > 0 && measured.MachineGflops > 0 && measured.StepCpuSeconds > 0);
        Assert.Null(measured.SamplingSeconds);
    }

    [Fact]
    public void Validation_that_is_too_far_away_is_not_waited_for()
    {
        var plan = Plan(epochs: 100);

        var measured = new DiffusionExperiment(plan with { Training = plan.Training with { ValidateEvery = 100 } })
            .Measure(steps: 1, cancellation: Test);

        Assert.Equal(1, measured.Steps);
        Assert.Null(measured.Share.Validation);
    }

    [Fact]
    public void Volumes_are_generated_where_they_are_asked_for()
    {
        var measured = new DiffusionExperiment(Plan(epochs: 4)).Measure(steps: 1, samples: 2, Test);

        Assert.True(measured.SamplingSeconds > 0);
    }

    [Fact]
    public void As_many_steps_are_measured_as_were_asked_for_however_few_epochs_the_experiment_has()
    {
        var plan = Plan(epochs: 1);
        plan = plan with { Training = plan.Training with { BatchSize = 4, ValidateEvery = 50 } };

        var measured = new DiffusionExperiment(plan).Measure(steps: 5, cancellation: Test);

        Assert.Equal(5, measured.Steps);
        Assert.True(measured.Share.Validation > 0); // the last epoch, which is every one here
    }

    [Fact]
    public void Benchmark_that_is_stopped_leaves_no_folder()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        string[] Left() => Directory.GetDirectories(Path.GetTempPath(), "voxelzoo-bench-*");
        var before = Left();

        Assert.ThrowsAny<OperationCanceledException>(
            () => new DiffusionExperiment(Plan(epochs: 1)).Measure(steps: 5, cancellation: stop.Token));

        Assert.Empty(Left().Except(before));
    }

    public void Dispose() => _cohort.Dispose();

    private Engine.Diffusion.ExperimentPlan Plan(int epochs)
    {
        var plan = TinyRun.Plan(_cohort);
        return plan with { Training = plan.Training with { Epochs = epochs } };
    }

    private sealed class CountingClock : TimeProvider
    {
        private long _looks;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Increment(ref _looks);
    }
}
