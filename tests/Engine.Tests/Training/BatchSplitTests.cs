using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Distributed;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training;

public sealed class BatchSplitTests
{
    [Fact]
    public void Batch_that_does_not_divide_is_refused()
    {
        var refusal = Assert.Throws<PlanException>(
            () => BatchSplit.Share(new TrainingOptions { BatchSize = 6 }, new PretendedCollective(0, 4)));

        Assert.Equal(("training", "batch_size"), (refusal.Section, refusal.Key));
        Assert.StartsWith("batch_size 6 cannot be split evenly over 4 processes", refusal.Message, StringComparison.Ordinal);
    }
}
