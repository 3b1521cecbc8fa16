using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DCAE;

public sealed class SliceWiseTests
{
    [Fact]
    public void Each_slice_is_encoded_and_decoded_by_itself()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(Small.Slices);
        var volume = rand([2, 1, 5, 16, 12]);
        var latent = compressor.Encode(volume);
        Small.AssertEqual(cat([.. volume.split(1, 2).Select(compressor.Encode)], 2), latent);
        Small.AssertEqual(cat([.. latent.split(1, 2).Select(compressor.Decode)], 2), compressor.Decode(latent));
    }

    // The network of volumes, which the reference proves, sees slices alone if its kernels are zero beside their middle plane.
    // Where the last norm is far above zero, SiLU and ReLU are both the identity.
    [Fact]
    public void Network_of_slices_is_that_of_volumes_with_flat_kernels()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        var shape = Small.Slices with
        {
            EncoderBlockOutChannels = [8, 16, 16],
            DecoderBlockOutChannels = [8, 8, 16],
            EncoderLayersPerBlock = [2, 1, 1],
            DecoderLayersPerBlock = [1, 1, 2],
        };
        using var slices = Small.Create(shape);
        using var volumes = Small.Create(shape with { Dimensions = 3, DepthFactors = [1, 1] });
        slices.Fill(25, name => name == "decoder.norm_out.bias");
        var flat = slices.state_dict();
        foreach (var (key, weight) in volumes.state_dict())
        {
            weight.zero_();
            (weight.dim() == 5 ? weight.select(2, 1) : weight).copy_(flat[key]);
        }

        var volume = randn([2, 1, 3, 16, 12]);
        var latent = volumes.Encode(volume);
        Small.AssertEqual(latent, slices.Encode(volume));
        var (expected, actual) = (volumes.Decode(latent), slices.Decode(latent));
        Small.AssertEqual(expected - expected.mean(), actual - actual.mean());
    }

    // the last norm is −1 everywhere
    [Theory]
    [InlineData(2, 0.0)]
    [InlineData(3, -0.26894142)]
    public void Slices_are_rectified_before_the_last_convolution_and_volumes_pass_SiLU(int dimensions, double activation)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(dimensions == 2 ? Small.Slices : Small.Volumes);
        compressor.Fill(0, name => name == "decoder.norm_out.weight");
        compressor.Fill(-1, name => name == "decoder.norm_out.bias");
        var inner = compressor.Decode(randn([1, 8, 4, 4, 4]))[0, 0, 2, 4, 4].item<float>();
        var weights = compressor.state_dict();
        var expected = weights["decoder.conv_out.bias"].item<float>() + activation * weights["decoder.conv_out.weight"].sum().item<float>();
        Assert.Equal(expected, inner, 1e-5);
    }

    [Fact]
    public void Slices_at_once_bound_a_call_without_gradient_and_change_no_number()
    {
        using var scope = NewDisposeScope();
        using var all = Small.Create(Small.Slices);
        using var four = Small.Create(Small.Slices with { SlicesAtOnce = 4 });
        var (encoded, decoded) = (four.CountCalls("encoder.conv_in"), four.CountCalls("decoder.conv_out"));
        var allEncoded = all.CountCalls("encoder.conv_in");
        var volume = rand([2, 1, 5, 16, 16]);

        using (no_grad())
        {
            var latent = all.Encode(volume);
            Small.AssertEqual(latent, four.Encode(volume));
            Small.AssertEqual(all.Decode(latent), four.Decode(latent));
        }

        Assert.Equal((3, 3, 1), (encoded(), decoded(), allEncoded())); // 10 slices

        using var random = new Generator(1, CPU);
        Small.AssertEqual(all.TrainingPass(volume, random).Reconstruction, four.TrainingPass(volume, random).Reconstruction);
        Assert.Equal((4, 4, 2), (encoded(), decoded(), allEncoded()));
    }
}
