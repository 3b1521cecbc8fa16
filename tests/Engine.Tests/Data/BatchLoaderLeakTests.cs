using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

[Collection(TensorCounting.Name)]
public sealed class BatchLoaderLeakTests
{
    [Fact]
    public void Disposed_loader_leaves_no_tensor()
    {
        using var folder = new CohortFolder();
        for (var i = 0; i < 5; i++)
            folder.Add("train", $"p{i}", "bravo", new VolumeShape(1, 1, 1, 2), i, 100);
        var options = new DataOptions { Depth = 1, OriginalDepth = 1, Height = 1, Width = 2 };
        var dataset = new CohortDataset(folder.Open(), "train", options, ["bravo"]);
        var before = LiveTensors.Settled();
        using (var loader = new BatchLoader(dataset, 2, 7, 3))
        {
            for (var i = 0; i < 20; i++)
                loader.Next().Dispose();
        }

        Assert.Equal(before, torch.Tensor.TotalCount);
    }
}
