using TorchSharp;
using VoxelZoo.Plugins.WDM;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Tests.WDM;

/// <summary>
/// The network of <c>wdm</c> once more, without modules: a function of its weights by key, written from its description in words.
/// </summary>
internal sealed class PlainNetwork(IReadOnlyDictionary<string, Tensor> weights, WDMOptions options)
{
    public Tensor Embedding(Tensor timesteps)
    {
        var half = options.BaseChannels / 2;
        var frequencies = tensor([.. Enumerable.Range(0, half).Select(i => (float)Math.Pow(10000, -(double)i / half))]);
        var angles = timesteps.unsqueeze(1) * frequencies;
        return Linear("time_embed.2", F.silu(Linear("time_embed.0", cat([angles.cos(), angles.sin()], 1))));
    }

    public Tensor Forward(Tensor x, Tensor timesteps)
    {
        var embedding = Embedding(timesteps);
        var entries = options.NumResBlocks + 1; // of one level, either way
        var kept = new List<Tensor>();
        for (var i = 0; Has($"input_blocks.{i}."); i++)
            kept.Add(x = Element($"input_blocks.{i}.0", x, embedding, i > 0 && i % entries == 0 ? Halve : Keep));
        Assert.Equal(options.ChannelMultipliers.Count * entries, kept.Count);

        for (var i = 0; i < 2; i++)
            x = Element($"middle_block.{i}", x, embedding, Keep);

        for (var i = 0; Has($"output_blocks.{i}."); i++)
        {
            var skip = kept[^(i + 1)];
            x = Element($"output_blocks.{i}.0", options.AdditiveSkips ? (x + skip) / S(2.0) : cat([x, skip], 1), embedding, Keep);
            Assert.Equal(i % entries == entries - 1 && i < kept.Count - 1, Has($"output_blocks.{i}.1."));
            if (Has($"output_blocks.{i}.1."))
                x = Element($"output_blocks.{i}.1", x, embedding, Double);
        }

        return Convolve("out.2", F.silu(Normalise("out.0", x)));
    }

    private Tensor Element(string key, Tensor x, Tensor embedding, Func<Tensor, Tensor> resample)
    {
        if (Has(key + ".weight"))
            return Convolve(key, x);
        if (Has(key + ".op."))
            return Convolve(key + ".op", x, stride: 2);
        if (Has(key + ".conv."))
            return Convolve(key + ".conv", resample(x));

        var h = Convolve(key + ".in_layers.2", resample(F.silu(Normalise(key + ".in_layers.0", x))));
        h = h + Linear(key + ".emb_layers.1", F.silu(embedding)).unsqueeze(-1).unsqueeze(-1).unsqueeze(-1);
        h = Convolve(key + ".out_layers.3", F.silu(Normalise(key + ".out_layers.0", h)));
        return h + (Has(key + ".skip_connection.") ? Convolve(key + ".skip_connection", resample(x)) : resample(x));
    }

    private bool Has(string prefix) => weights.Keys.Any(key => key.StartsWith(prefix, StringComparison.Ordinal));

    private static Tensor Keep(Tensor x) => x;

    private static Tensor Halve(Tensor x) => x.unflatten(2, -1, 2).unflatten(4, -1, 2).unflatten(6, -1, 2).mean([3, 5, 7]);

    private static Tensor Double(Tensor x) => x.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4);

    private Tensor Linear(string key, Tensor x) => x.matmul(weights[key + ".weight"].t()) + weights[key + ".bias"];

    private Tensor Convolve(string key, Tensor x, long stride = 1)
    {
        var weight = weights[key + ".weight"];
        var padding = weight.shape[2] / 2;
        return F.conv3d(x, weight, weights[key + ".bias"], strides: [stride, stride, stride], padding: [padding, padding, padding]);
    }

    private Tensor Normalise(string key, Tensor x)
    {
        var groups = x.reshape(x.shape[0], options.NormNumGroups, -1);
        var centred = groups - groups.mean([2], keepdim: true);
        var normal = (centred / (centred.square().mean([2], keepdim: true) + S(1e-5)).sqrt()).view(x.shape);
        return normal * weights[key + ".weight"].view(1, -1, 1, 1, 1) + weights[key + ".bias"].view(1, -1, 1, 1, 1);
    }
}
