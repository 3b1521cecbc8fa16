using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Data;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>The low-rank change of layers, beside its definition: <c>y = W x + α/r·B (A x)</c> (arXiv:2106.09685, equation 3).</summary>
public sealed class LoraAdapterTests
{
    private const double Scale = 3.0 / 2;

    private static readonly LoraOptions Options = new() { Rank = 2, Alpha = 3, On = ["body.*", "head"] };

    [Fact]
    public void Nothing_is_changed_at_first()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        var before = network.Of(Input());
        using var adapter = LoraAdapter.Of(network, Options);

        adapter.Merge();

        Assert.True(network.Of(Input()).eq(before).all().item<bool>());
    }

    [Fact]
    public void Merged_layers_compute_what_layer_and_change_compute_apart()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        using var plain = new Network();
        plain.load_state_dict(network.state_dict());
        using var adapter = Changed(network);

        adapter.Merge();

        Assert.InRange((network.Of(Input()) - Apart(plain, Factors(adapter))).abs().max().item<float>(), 0, 1e-5);
        Assert.InRange((network.Of(Input()) - plain.Of(Input())).abs().max().item<float>(), 0.01, 1e3);
    }

    [Fact]
    public void Weights_of_a_file_are_changed_as_those_of_the_network()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = new Network();
        var (start, change) = (Path.Combine(folder.Path, "start.safetensors"), Path.Combine(folder.Path, "change.safetensors"));
        SafetensorsFile.Write(start, Weights.Of(network));
        using var adapter = Changed(network);
        SafetensorsFile.Write(change, Weights.Of(adapter));

        adapter.Merge();
        using var weights = SafetensorsFile.Read(start);
        using var factors = SafetensorsFile.Read(change);
        var merged = LoraAdapter.Merged(weights, factors, Options);

        Assert.Equal(Weights.Of(network).Keys.Order(StringComparer.Ordinal), merged.Keys.Order(StringComparer.Ordinal));
        Assert.All(Weights.Of(network), one => Assert.True(one.Value.eq(merged[one.Key]).all().item<bool>(), one.Key));
    }

    [Fact]
    public void Gradients_are_those_of_the_factors()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        using var plain = new Network();
        plain.load_state_dict(network.state_dict());
        using var adapter = Changed(network);
        var factors = Factors(adapter).ToDictionary(one => one.Key, one => one.Value.detach().clone().requires_grad_(true));

        adapter.Merge();
        for (var part = 0; part < 2; part++) // of two parts of a step, gradients add up
            (network.Of(Input()).square().mean() / S(2.0)).backward();
        adapter.TakeGradients();
        Apart(plain, factors).square().mean().backward();

        Assert.All(
            Factors(adapter),
            one => Assert.InRange(
                (one.Value.grad! - factors[one.Key].grad!).abs().max().item<float>() / factors[one.Key].grad!.abs().max().item<float>(),
                0,
                1e-5));
        Assert.All(
            network.named_parameters().Where(one => one.parameter.grad is not null),
            one => Assert.Equal(0, one.parameter.grad!.abs().max().item<float>()));
    }

    [Fact]
    public void Factors_are_named_by_their_layers_and_no_longer_than_these()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        using var adapter = LoraAdapter.Of(network, Options with { Rank = 5 });

        Assert.Equal(
            new Dictionary<string, string>
            {
                ["body.0.lora_A"] = "4 54", ["body.0.lora_B"] = "4 4", ["body.1.lora_A"] = "3 4", ["body.1.lora_B"] = "3 3",
                ["head.lora_A"] = "3 3", ["head.lora_B"] = "5 3",
            },
            Factors(adapter).ToDictionary(one => one.Key, one => string.Join(' ', one.Value.shape)));
        Assert.Equal(adapter.Numbers, Factors(adapter).Values.Sum(factor => factor.numel()));
        Assert.Equal(
            ["body.0.weight", "body.1.weight", "head.weight"],
            network.named_parameters().Where(one => one.parameter.requires_grad).Select(one => one.name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Pattern_of_no_layer_is_refused()
    {
        using var network = new Network();

        var refusal = Assert.Throws<PlanException>(() => LoraAdapter.Of(network, Options with { On = ["head", "tail*"] }));

        Assert.StartsWith(
            "lora.on names `tail*`, and the network has no linear layer and no convolution of that name; its first are ",
            refusal.Message,
            StringComparison.Ordinal);
    }

    private static LoraAdapter Changed(Network network)
    {
        var adapter = LoraAdapter.Of(network, Options);
        using var noGradient = no_grad();
        foreach (var factor in Factors(adapter).Values)
            factor.copy_(torch.arange(S(factor.numel()), ScalarType.Float32).sin().view(factor.shape));
        return adapter;
    }

    private static Dictionary<string, Tensor> Factors(LoraAdapter adapter) =>
        adapter.state_dict().OrderBy(one => one.Key, StringComparer.Ordinal).ToDictionary(one => one.Key, one => one.Value);

    private static Tensor Input() => torch.arange(S(2L * 2 * 4 * 4 * 4), ScalarType.Float32).cos().view(2, 2, 4, 4, 4);

    /// <summary>Each layer's own result, and that of the two factors one after the other.</summary>
    private static Tensor Apart(Network plain, IReadOnlyDictionary<string, Tensor> factors)
    {
        var (first, second) = (plain.First, plain.Second);
        var down = factors["body.0.lora_A"].view(-1, 2, 3, 3, 3);
        var x = first.call(Input()) + F.conv3d(
            F.conv3d(Input(), down, strides: [2, 2, 2], padding: [1, 1, 1]), factors["body.0.lora_B"].view(4, -1, 1, 1, 1)) * S(Scale);
        x = x.relu();
        x = second.call(x) + F.conv3d(
            F.conv3d(x, factors["body.1.lora_A"].view(-1, 4, 1, 1, 1)), factors["body.1.lora_B"].view(3, -1, 1, 1, 1)) * S(Scale);
        x = x.mean([2, 3, 4]);
        return plain.Head.call(x) + F.linear(F.linear(x, factors["head.lora_A"]), factors["head.lora_B"]) * S(Scale);
    }

    private sealed class Network : nn.Module
    {
        private readonly ModuleList<nn.Module<Tensor, Tensor>> body;
        private readonly Linear head;

        public Network()
            : base(nameof(Network))
        {
            body = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Conv3d(2, 4, 3, stride: 2, padding: 1), nn.Conv3d(4, 3, 1));
            head = nn.Linear(3, 5);
            RegisterComponents();
        }

        public nn.Module<Tensor, Tensor> First => body[0];

        public nn.Module<Tensor, Tensor> Second => body[1];

        public Linear Head => head;

        public Tensor Of(Tensor x) => head.call(body[1].call(body[0].call(x).relu()).mean([2, 3, 4]));
    }
}
