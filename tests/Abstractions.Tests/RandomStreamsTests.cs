using TorchSharp;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Abstractions.Tests;

public sealed class RandomStreamsTests
{
    private static float[] Draw(RandomStreams streams, string name)
    {
        using var numbers = torch.randn([4], generator: streams[name]);
        return numbers.data<float>().ToArray();
    }

    [Fact]
    public void Streams_of_different_names_do_not_disturb_each_other()
    {
        using var one = new RandomStreams(7);
        using var other = new RandomStreams(7);
        Draw(one, RandomStreams.Evaluation);
        Assert.Equal(Draw(one, RandomStreams.Noise), Draw(other, RandomStreams.Noise));
        Assert.NotEqual(Draw(one, RandomStreams.Data), Draw(one, RandomStreams.Timestep));
    }

    [Fact]
    public void Restore_replays_what_followed_the_capture()
    {
        using var streams = new RandomStreams(7);
        Draw(streams, RandomStreams.Noise);
        var state = streams.Capture();
        var first = Draw(streams, RandomStreams.Noise);
        streams.Restore(state);
        Assert.Equal(first, Draw(streams, RandomStreams.Noise));
    }
}
