using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class BatchLoaderTests : IDisposable
{
    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CohortDataset Dataset(int patients, int cacheMegabytes = 0)
    {
        for (var i = 0; i < patients; i++)
            _folder.Add("train", $"p{i}", "bravo", new VolumeShape(1, 1, 1, 2), i, 100);
        var options = new DataOptions { Depth = 1, OriginalDepth = 1, Height = 1, Width = 2, CacheMegabytes = cacheMegabytes };
        return new CohortDataset(_folder.Open(), "train", options, ["bravo"]);
    }

    private static List<string> Take(CohortDataset dataset, int count, int workers, int epoch = 0, int index = 0)
    {
        using var loader = new BatchLoader(dataset, 2, 7, workers, epoch, index);
        var taken = new List<string>();
        for (var i = 0; i < count; i++)
        {
            using var batch = loader.Next();
            taken.Add($"{batch.Epoch}/{batch.Index}: {string.Join(' ', batch.Patients)}");
        }

        return taken;
    }

    [Fact]
    public void Order_does_not_depend_on_the_number_of_workers()
    {
        var dataset = Dataset(7);
        Assert.Equal(Take(dataset, 9, 1), Take(dataset, 9, 4));
    }

    [Fact]
    public void Loader_resumes_at_any_epoch_and_index()
    {
        var dataset = Dataset(7);
        var whole = Take(dataset, 9, 2);
        for (var done = 0; done < 9; done++)
            Assert.Equal(whole[done..], Take(dataset, 9 - done, 2, done / 3, done % 3));
        Assert.Equal(whole[3..], Take(dataset, 6, 2, 0, 3));
    }

    [Fact]
    public void Epoch_holds_each_patient_once_but_the_remainder()
    {
        using var loader = new BatchLoader(Dataset(7), 2, 7, 2);
        Assert.Equal(3, loader.BatchesPerEpoch);
        for (var epoch = 0; epoch < 3; epoch++)
        {
            var seen = new List<string>();
            for (var index = 0; index < 3; index++)
            {
                using var batch = loader.Next();
                Assert.Equal((epoch, index), (batch.Epoch, batch.Index));
                seen.AddRange(batch.Patients);
            }

            Assert.Equal(6, seen.Distinct().Count());
        }
    }

    [Fact]
    public void Epochs_and_seeds_have_orders_of_their_own()
    {
        var order = BatchLoader.Order(100, 7, 0);
        Assert.Equal(Enumerable.Range(0, 100), order.Order());
        Assert.NotEqual(order, BatchLoader.Order(100, 7, 1));
        Assert.NotEqual(order, BatchLoader.Order(100, 8, 0));
        Assert.Equal(order, BatchLoader.Order(100, 7, 0));
    }

    [Fact]
    public void Damaged_file_surfaces_in_Next_with_its_name()
    {
        var dataset = Dataset(2);
        File.WriteAllText(_folder.File("train", "p1", "bravo"), "damaged");
        using var loader = new BatchLoader(dataset, 1, 7, 2);
        var outcomes = Enumerable.Range(0, 2).Select(_ => Record.Exception(() => loader.Next().Dispose())).ToArray();
        var error = Assert.IsType<InvalidDataException>(Assert.Single(outcomes, outcome => outcome is not null));
        Assert.StartsWith(_folder.File("train", "p1", "bravo"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Loader_may_be_disposed_twice_and_gives_nothing_after()
    {
        var loader = new BatchLoader(Dataset(2), 1, 7, 2);
        loader.Next().Dispose();
        loader.Dispose();
        loader.Dispose();
        Assert.Throws<ObjectDisposedException>(loader.Next);
    }

    [Fact]
    public void Batch_larger_than_the_split_is_refused()
    {
        var error = Assert.Throws<PlanException>(() => new BatchLoader(Dataset(1), 2, 7, 1));
        Assert.Equal("batch_size", error.Key);
    }

    [Fact]
    public void Batch_outlives_the_scope_in_which_it_was_taken()
    {
        var dataset = Dataset(1);
        Batch batch;
        using (torch.NewDisposeScope())
            batch = dataset.Load(0);
        Assert.False(batch.Images["bravo"].IsInvalid);
        batch.Dispose();
    }
}
