using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Abstractions.Tests;

public sealed class VolumeArchitectureTests
{
    private static readonly VolumeArchitecture<ChannelOptions> Architecture = new Pointwise();

    [Fact]
    public void Network_is_built_between_the_channels_of_the_experiment_and_one_more_for_the_noise_level()
    {
        var options = Architecture.Fit(new ChannelOptions(), Shape);

        Assert.Equal((5, 2), (options.InChannels, options.OutChannels));
        using var denoiser = Architecture.Create(options, PartContext.Meta);
        Assert.Equal([2, 6, 1, 1, 1], denoiser.get_parameter("network.weight")!.shape);
        Assert.Equal(
            "out_channels", Assert.Throws<PlanException>(() => Architecture.Fit(new ChannelOptions { OutChannels = 3 }, Shape)).Key);
    }

    [Fact]
    public void Network_sees_sample_condition_and_noise_level_in_that_order()
    {
        using var scope = NewDisposeScope();
        using var denoiser = Architecture.Create(Architecture.Fit(new ChannelOptions(), Shape), PartContext.Meta with { Device = CPU });
        using var _ = no_grad();
        // the one prediction takes the sample's second channel and the condition's last, the other the noise level
        denoiser.get_parameter("network.weight")!.copy_(
            tensor(new float[] { 0, 1, 0, 0, 10, 0, /**/ 0, 0, 0, 0, 0, 1 }).view(2, 6, 1, 1, 1));
        denoiser.get_parameter("network.bias")!.zero_();
        var (sample, image) = (randn([2, 2, 2, 4, 3]), randn([2, 3, 2, 4, 3]));

        var found = denoiser.call(sample, tensor(new float[] { 0, 250 }), new Conditioning { Image = image });

        Assert.True(found.select(1, 0).allclose(sample.select(1, 1) + image.select(1, 2) * S(10), 1e-5, 1e-5));
        Assert.Equal([0f, 0.25f], found.select(1, 1).amax([1, 2, 3]).data<float>().ToArray());
        Assert.Equal([0f, 0.25f], found.select(1, 1).amin([1, 2, 3]).data<float>().ToArray());
    }

    [Fact]
    public void Channels_that_nobody_gave_are_refused() =>
        Assert.Equal(
            "the network's channels in and out are not known; set in_channels and out_channels",
            Assert.Throws<PlanException>(() => Architecture.Create(new ChannelOptions { InChannels = 1 }, PartContext.Meta)).Message);

    private static DiffusionShape Shape { get; } = new(new VolumeShape(1, 4, 4, 4), new VolumeShape(2, 2, 4, 3), ConditionChannels: 3);

    private sealed class Pointwise : VolumeArchitecture<ChannelOptions>
    {
        protected override nn.Module<Tensor, Tensor> Build(ChannelOptions options, int from, int to) => nn.Conv3d(from, to, 1);
    }
}
