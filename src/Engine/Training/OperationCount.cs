using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Counts the floating-point operations of forward passes: two for each product that a convolution or a linear layer sums up. What
/// attention multiplies, norms and activations are not counted. A pass that gradient checkpointing repeats counts once.
/// </summary>
internal sealed class OperationCount : IDisposable
{
    private readonly List<Action> _removals = [];

    /// <summary>Counts from here on, until it is disposed.</summary>
    /// <param name="modules">Stay the caller's.</param>
    public OperationCount(IEnumerable<nn.Module> modules)
    {
        foreach (var layer in modules.SelectMany(module => module.modules().Prepend(module)).Distinct())
        {
            if (layer is Convolution { weight: { } kernel } convolution)
                Count(convolution, IsTransposed(convolution) ? kernel.numel() / kernel.shape[0] : 0, kernel.numel() / kernel.shape[0]);
            else if (layer is Linear { weight: { } weight } linear)
                Count(linear, 0, weight.shape[1]);
        }
    }

    /// <summary>Operations so far.</summary>
    public long Operations { get; private set; }

    private static bool IsTransposed(Convolution convolution) => convolution is ConvTranspose1d or ConvTranspose2d or ConvTranspose3d;

    /// <summary>Each element of the input, or else of the output, takes so many products.</summary>
    private void Count(nn.Module<Tensor, Tensor> layer, long perInput, long perOutput)
    {
        var hook = layer.register_forward_hook((_, input, output) =>
        {
            // gradient checkpointing passes twice, and only the second time with gradients
            if (is_grad_enabled())
                Operations += 2 * (perInput > 0 ? perInput * input.numel() : perOutput * output.numel());
            return output;
        });
        _removals.Add(hook.remove);
    }

    /// <summary>Ends the counting.</summary>
    public void Dispose()
    {
        foreach (var remove in _removals)
            remove();
        _removals.Clear();
    }
}
