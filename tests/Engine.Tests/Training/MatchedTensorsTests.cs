using VoxelZoo.Engine.Training;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>What a network can begin with of another one's weights.</summary>
public sealed class MatchedTensorsTests
{
    /// <summary>Channels are told by what they are: those between two that were there are new.</summary>
    [Fact]
    public void Channels_that_are_named_go_where_their_name_is()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Conv3d(4, 2, 1);
        var theirs = new Dictionary<string, Tensor>
        {
            ["weight"] = tensor(new[] { 1f, 2, 3, 10, 20, 30 }, [2, 3, 1, 1, 1]),
            ["bias"] = ones(2),
        };

        using var matched = MatchedTensors.Of(
            layer,
            theirs,
            InputChannels.Named(["target 0", "seg", "size_bins 0", "coordinates 0"], ["target 0", "flair", "coordinates 0"]));

        Assert.Equal([1f, 0, 0, 3, 10, 0, 0, 30], matched.Taken["weight"].data<float>().ToArray());
        Assert.Equal(["weight: 2 of 4 input channels"], matched.Outcome.Widened);
        Assert.Equal(
            (2, 1, 10L, 2L), (matched.Outcome.Tensors, matched.Outcome.Taken, matched.Outcome.Numbers, matched.Outcome.TakenNumbers));
    }

    [Fact]
    public void Channels_of_a_file_are_the_first_ones()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Conv3d(3, 1, 1);
        var theirs = new Dictionary<string, Tensor>
        {
            ["weight"] = tensor(new[] { 1f, 2 }, [1, 2, 1, 1, 1]),
            ["bias"] = ones(1),
            ["other"] = ones(1),
        };

        using var matched = MatchedTensors.Of(layer, theirs, InputChannels.Appended(3));

        Assert.Equal([1f, 2, 0], matched.Taken["weight"].data<float>().ToArray());
        Assert.Equal(["other"], matched.Outcome.Left);
    }

    [Fact]
    public void Layer_that_does_not_see_the_input_begins_fresh()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Conv3d(5, 1, 1);
        var theirs = new Dictionary<string, Tensor> { ["weight"] = ones([1, 2, 1, 1, 1]), ["bias"] = tensor(new[] { 1L }) };

        using var matched = MatchedTensors.Of(layer, theirs, InputChannels.Appended(3));

        Assert.Empty(matched.Taken);
        Assert.Equal(["bias", "weight: [1, 5, 1, 1, 1] for [1, 2, 1, 1, 1]"], matched.Outcome.Fresh);
    }
}
