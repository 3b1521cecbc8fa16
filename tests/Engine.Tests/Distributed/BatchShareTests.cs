using TorchSharp;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Distributed;

public sealed class BatchShareTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    [Fact]
    public void Shares_in_the_order_of_the_ranks_are_the_whole()
    {
        using var scope = torch.NewDisposeScope();
        var whole = torch.arange(Tensors.Scalars.S(12L)).view(6, 2);
        var numbers = Enumerable.Range(0, 6).ToArray();
        var shares = Enumerable.Range(0, 3).Select(rank => new BatchShare(rank, 3)).ToArray();

        Assert.Equal(whole.data<long>().ToArray(), torch.cat([.. shares.Select(share => share.Rows(whole))]).data<long>().ToArray());
        Assert.Equal(numbers, shares.SelectMany(share => share.Rows<int>(numbers)));
    }

    [Fact]
    public void Loaders_of_the_shares_load_together_what_one_loads_alone()
    {
        var volumes = new CohortDataset(Cohort.Open(cohort.Path), Cohort.Train, TinyCohort.Options(cohort.Path), [ImageKinds.Bravo]);

        var whole = Patients(BatchShare.Whole);

        Assert.Equal(whole, Patients(new BatchShare(0, 2)).Zip(Patients(new BatchShare(1, 2)), (first, second) => $"{first} {second}"));

        string[] Patients(BatchShare share)
        {
            using var loader = new BatchLoader(volumes, 2, 7, 1, share: share);
            return [.. Enumerable.Range(0, 5).Select(_ =>
            {
                using var batch = loader.Next();
                return string.Join(' ', batch.Patients);
            })];
        }
    }

    [Fact]
    public void Things_are_dealt_out_once_each()
    {
        var dealt = Enumerable.Range(0, 3).Select(rank => new PretendedCollective(rank, 3).Share(8).ToArray()).ToArray();

        Assert.Equal([1, 4, 7], dealt[1]);
        Assert.Equal(Enumerable.Range(0, 8), dealt.SelectMany(each => each).Order());
    }
}
