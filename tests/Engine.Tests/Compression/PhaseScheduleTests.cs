using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Engine.Tests.Compression.CompressionRun;

namespace VoxelZoo.Engine.Tests.Compression;

public sealed class PhaseScheduleTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static readonly TrainingOptions Cosine = new() { LearningRate = 1e-2, MinLearningRate = 1e-4, WarmupEpochs = 2 };

    private PhaseSchedule Schedule(params PhaseOptions[] phases) =>
        new(CompressionPlan.Compose(With(Draft(cohort) with { Training = Cosine }, phases)));

    [Fact]
    public void Epochs_are_the_sum_of_the_phases() =>
        Assert.Equal(5, Plan(cohort, null, Phase(2, ("l1", 1)), Phase(3, ("l1", 1))).Training.Epochs);

    [Fact]
    public void Epoch_belongs_to_the_phase_in_which_it_lies()
    {
        var schedule = Schedule(Phase(2, ("l1", 1)), Phase(1, ("l1", 2)), Phase(2, ("l1", 3)));

        Assert.Equal([1, 1, 2, 3, 3, 3], Enumerable.Range(0, 6).Select(epoch => schedule.At(epoch).Weight("l1")));
    }

    [Fact]
    public void Schedule_runs_over_all_phases()
    {
        var schedule = Schedule(Phase(4, ("l1", 1)), Phase(6, ("l2", 1)));

        Assert.Equal(Rates(Cosine with { Epochs = 10 }, 10), Enumerable.Range(0, 10).Select(schedule.LearningRate));
    }

    [Fact]
    public void Phase_with_a_rate_of_its_own_begins_a_schedule_that_lasts_to_the_next_such_phase()
    {
        var schedule = Schedule(
            Phase(4, ("l1", 1)), Phase(3, ("l1", 1)) with { LearningRate = 5e-3 }, Phase(3, ("l2", 1)),
            Phase(5, ("l1", 1)) with { LearningRate = 2e-3 });

        Assert.Equal(
            [
                .. Rates(Cosine with { Epochs = 4 }, 4),
                .. Rates(Cosine with { Epochs = 6, LearningRate = 5e-3 }, 6),
                .. Rates(Cosine with { Epochs = 5, LearningRate = 2e-3 }, 5),
            ],
            Enumerable.Range(0, 15).Select(schedule.LearningRate));
    }

    [Fact]
    public void Discriminators_rate_follows_the_same_curve_to_its_own_peak()
    {
        var plan = CompressionPlan.Compose(
            With(Draft(cohort) with { Training = Cosine }, Phase(4, ("l1", 1)), Phase(5, ("l1", 1)) with { LearningRate = 5e-3 }));
        var schedule = new PhaseSchedule(plan with { Compression = plan.Compression with { DiscriminatorLearningRate = 3e-2 } });

        Assert.Equal(
            [.. Rates(Cosine with { Epochs = 4, LearningRate = 3e-2 }, 4), .. Rates(Cosine with { Epochs = 5, LearningRate = 3e-2 }, 5)],
            Enumerable.Range(0, 9).Select(schedule.DiscriminatorLearningRate));
    }

    private static IEnumerable<double> Rates(TrainingOptions options, int epochs) =>
        Enumerable.Range(0, epochs).Select(epoch => LearningRate.At(options, epoch));
}
