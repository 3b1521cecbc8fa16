using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Tests.Safetensors;

public sealed class WeightsTests
{
    [Fact]
    public void Of_gives_parameters_and_buffers_without_copying()
    {
        using var scope = NewDisposeScope();
        using var module = nn.BatchNorm1d(3);
        var weights = Weights.Of(module);
        Assert.Equal(["bias", "num_batches_tracked", "running_mean", "running_var", "weight"], weights.Keys);
        using (no_grad())
            module.weight!.fill_(S(7.0));
        Assert.Equal(7f, weights["weight"][0].item<float>());
    }

    [Fact]
    public void Load_copies_into_the_modules_own_tensors_and_dtypes()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Linear(2, 1);
        var own = module.weight!.Handle;
        Weights.Load(
            module,
            new Dictionary<string, Tensor> { ["weight"] = tensor(new[] { 1.0, 2.0 }).view(1, 2), ["bias"] = tensor(new[] { 3f }) },
            "w");
        Assert.Equal(own, module.weight!.Handle);
        Assert.Equal([1f, 2f], module.weight.data<float>().ToArray());
        Assert.True(module.weight.requires_grad);
    }

    [Fact]
    public void Load_of_what_does_not_fit_says_all_in_one_sentence_and_touches_nothing()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("a", nn.Linear(2, 1)), ("b", nn.Linear(1, 1)));
        var before = Weights.Of(module).ToDictionary(w => w.Key, w => w.Value.detach().clone());
        var weights = new Dictionary<string, Tensor> { ["a.weight"] = ones(1, 3), ["a.bias"] = ones(1), ["c"] = ones(1) };
        var message = Assert.Throws<InvalidDataException>(() => Weights.Load(module, weights, "x.safetensors")).Message;
        Assert.Equal(
            "x.safetensors does not fit Sequential: 2 missing (b.bias, b.weight); 1 unexpected (c); "
            + "1 of another shape (a.weight: [1, 3] for [1, 2])",
            message);
        foreach (var (key, value) in Weights.Of(module))
            Assert.True(value.eq(before[key]).all().item<bool>());
    }

    [Fact]
    public void Load_of_whole_numbers_into_real_ones_is_refused()
    {
        // quantised weights without their scales would be garbage
        using var scope = NewDisposeScope();
        using var module = nn.Linear(1, 1);
        var weights = new Dictionary<string, Tensor> { ["weight"] = ones(1, 1, int8), ["bias"] = ones(1, float64) };
        var message = Assert.Throws<InvalidDataException>(() => Weights.Load(module, weights, "x")).Message;
        Assert.Equal("x does not fit Linear: 1 of whole numbers (weight: Int8 for Float32)", message);
    }

    [Fact]
    public void Load_with_many_missing_keys_names_the_first_four()
    {
        using var module = nn.Sequential(Enumerable.Range(0, 4).Select(i => ($"l{i}", (nn.Module<Tensor, Tensor>)nn.Linear(1, 1))));
        var message = Assert.Throws<InvalidDataException>(() => Weights.Load(module, new Dictionary<string, Tensor>(), "x")).Message;
        Assert.EndsWith("8 missing (l0.bias, l0.weight, l1.bias, l1.weight, …)", message);
    }
}
