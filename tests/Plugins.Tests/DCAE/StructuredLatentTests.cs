using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DCAE;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DCAE;

/// <summary>Latents whose first channels are latents by themselves (arXiv:2508.00413).</summary>
public sealed class StructuredLatentTests
{
    private static DCAEOptions Structured(int dimensions) =>
        (dimensions == 2 ? Small.Slices : Small.Volumes) with { StructuredMinChannels = 3, StructuredChannelStep = 2 };

    private static long Drawn(CompressorPass pass) => (long)pass.Measures["latent_channels"];

    [Theory]
    [InlineData(32, 16, null, new[] { 16, 20, 24, 28, 32 })]
    [InlineData(32, 16, 5, new[] { 16, 21, 26, 31, 32 })]
    [InlineData(32, 1, 64, new[] { 1, 32 })]
    public void Prefixes_go_in_steps_up_to_all_channels(int channels, int least, int? step, int[] expected)
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Part.Create(
            new() { LatentChannels = channels, StructuredMinChannels = least, StructuredChannelStep = step }, Contexts.Meta);
        Assert.Equal(expected, compressor.LatentPrefixes);
    }

    [Fact]
    public void Other_latents_have_no_prefixes_and_train_as_they_are_used()
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Create(Small.Slices);
        using var random = new Generator(1, CPU);
        var volume = rand([1, 1, 2, 16, 16]);
        var pass = compressor.TrainingPass(volume, random);
        Assert.Empty(compressor.LatentPrefixes);
        Assert.Empty(pass.Measures);
        Small.AssertEqual(compressor.Decode(compressor.Encode(volume)), pass.Reconstruction);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Training_pass_goes_through_the_first_channels_of_the_full_latent(int dimensions)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(Structured(dimensions));
        using var random = new Generator(1, CPU);
        var volume = rand([2, 1, 4, 16, 16]);
        var latent = compressor.Encode(volume);
        Assert.Equal(8, latent.shape[1]);
        for (var draw = 0; draw < 8; draw++)
        {
            var pass = compressor.TrainingPass(volume, random);
            Small.AssertEqual(compressor.Decode(latent.narrow(1, 0, Drawn(pass))), pass.Reconstruction);
        }
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(3, false)]
    public void Channels_that_are_missing_decode_as_zeros(int dimensions, bool shortcut)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(Structured(dimensions) with { DecoderInShortcut = shortcut });
        var latent = randn([1, 8, 2, 4, 4]);
        foreach (var channels in compressor.LatentPrefixes)
        {
            var masked = latent.clone();
            masked.narrow(1, channels, 8 - channels).zero_();
            Small.AssertEqual(compressor.Decode(masked), compressor.Decode(latent.narrow(1, 0, channels)));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Channels_beyond_those_drawn_get_no_gradient_but_zero(int dimensions)
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Create(Structured(dimensions));
        using var random = new Generator(1, CPU);
        var parameters = compressor.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        var seen = new HashSet<long>();
        for (var draw = 0; draw < 20; draw++)
        {
            compressor.zero_grad();
            var pass = compressor.TrainingPass(rand([1, 1, 2, 8, 8]), random);
            pass.Reconstruction.square().sum().backward();
            var channels = Drawn(pass);
            seen.Add(channels);
            (string, int)[] ends = [("encoder.conv_out.weight", 0), ("encoder.conv_out.bias", 0), ("decoder.conv_in.weight", 1)];
            foreach (var (key, axis) in ends)
            {
                var gradient = parameters[key].grad!;
                Assert.Equal(0, gradient.narrow(axis, channels, 8 - channels).count_nonzero().item<long>());
                Assert.All(
                    gradient.narrow(axis, 0, channels).split(1, axis), each => Assert.NotEqual(0, each.count_nonzero().item<long>()));
            }
        }

        Assert.Equal([3, 5, 7, 8], seen.Order());
    }

    [Fact]
    public void Channels_are_drawn_uniformly_from_the_stream_that_is_given()
    {
        const int draws = 200;
        using var gradient = no_grad();
        using var compressor = Small.Create(Structured(2));
        var (one, other) = (Draws(seed: 1), Draws(seed: 1));
        Assert.Equal(one, other);
        Assert.NotEqual(one, Draws(seed: 2));
        // four numbers, so 50 each with a standard deviation of 6
        Assert.Equal(4, one.Distinct().Count());
        Assert.All(one.CountBy(channels => channels), entry => Assert.InRange(entry.Value, 25, 75));

        List<long> Draws(ulong seed)
        {
            using var random = new Generator(seed, CPU);
            var volume = rand([1, 1, 1, 4, 4]);
            return [.. Enumerable.Range(0, draws).Select(_ =>
            {
                using var scope = NewDisposeScope();
                return Drawn(compressor.TrainingPass(volume, random));
            })];
        }
    }

    [Fact]
    public void Training_steps_leave_no_tensors_behind()
    {
        using var compressor = Small.Create(Structured(2));
        using var random = new Generator(1, CPU);
        Step();
        var before = LiveTensors.Settled();
        for (var step = 0; step < 5; step++)
            Step();
        Assert.Equal(before, Tensor.TotalCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            compressor.TrainingPass(rand([1, 1, 3, 8, 8]), random).Reconstruction.sum().backward();
        }
    }

    [Fact]
    public void Latent_of_another_number_of_channels_is_refused()
    {
        using var scope = NewDisposeScope();
        using var structured = Small.Create(Structured(3));
        using var plain = Small.Create(Small.Volumes);
        Assert.Contains(
            "4 channels, expected 3 or 5 or 7 or 8",
            Assert.Throws<ArgumentException>(() => structured.Decode(rand([1, 4, 1, 1, 1]))).Message);
        Assert.Contains("5 channels, expected 8", Assert.Throws<ArgumentException>(() => plain.Decode(rand([1, 5, 1, 1, 1]))).Message);
    }
}
