using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>Modules one after the other, as <c>nn.Sequential</c> runs them, with nothing kept in between.</summary>
public static class Chain
{
    /// <summary>
    /// What the last of them makes of what the others made. The activations between them are freed as soon as the next module has used
    /// them; what a backward pass needs, autograd holds.
    /// </summary>
    /// <param name="modules">At least one.</param>
    /// <param name="input">What the first takes; stays the caller's.</param>
    /// <returns>The result, in the current dispose scope.</returns>
    public static Tensor Run(IEnumerable<nn.Module<Tensor, Tensor>> modules, Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = modules.First().call(input);
        foreach (var module in modules.Skip(1))
        {
            using var used = h;
            h = module.call(used);
        }

        return h.MoveToOuterDisposeScope();
    }
}
