using System.Runtime.ExceptionServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors;

/// <summary>
/// Gradient checkpointing (arXiv 1604.06174), which TorchSharp lacks: a segment keeps only its inputs and is computed again when its
/// gradient is wanted. Memory of activations against one more forward pass.
/// </summary>
public static class GradientCheckpoint
{
    // a C# exception must not cross the native frames of a backward pass; on an accelerator that pass runs on a thread of its own
    private static Exception? _failure;

    /// <summary>Runs a segment of one input.</summary>
    /// <inheritdoc cref="Run(Func{IReadOnlyList{Tensor}, Tensor}, IReadOnlyList{Tensor}, IEnumerable{Parameter})"/>
    /// <param name="segment">
    /// Computes the result; is called a second time, with equal random numbers and autocast, in the backward pass.
    /// </param>
    /// <param name="input">Floating point; stays the caller's.</param>
    /// <param name="parameters">The parameters that the segment uses; their gradients accumulate as ever.</param>
    public static Tensor Run(Func<Tensor, Tensor> segment, Tensor input, IEnumerable<Parameter> parameters) =>
        Run(inputs => segment(inputs[0]), [input], parameters);

    /// <summary>Runs a module's computation as a segment where that is wanted, and as it is where not.</summary>
    /// <inheritdoc cref="Run(Func{IReadOnlyList{Tensor}, Tensor}, IReadOnlyList{Tensor}, IEnumerable{Parameter})"/>
    /// <param name="wanted">Whether it is a segment.</param>
    /// <param name="module">The module whose parameters the segment uses.</param>
    /// <param name="segment">
    /// Computes the result; is called a second time, with equal random numbers and autocast, in the backward pass.
    /// </param>
    /// <param name="inputs">Floating point; stay the caller's.</param>
    public static Tensor RunIf(bool wanted, nn.Module module, Func<IReadOnlyList<Tensor>, Tensor> segment, params Tensor[] inputs) =>
        wanted && is_grad_enabled() ? Run(segment, inputs, module.parameters()) : segment(inputs);

    /// <summary>Runs a segment of several inputs.</summary>
    /// <remarks>
    /// A segment must not change its inputs and must do the same both times; a segment that updates running statistics does so twice.
    /// Only the CPU's random numbers are replayed. Use <see cref="Backward"/> for the backward pass.
    /// </remarks>
    /// <param name="segment">
    /// Computes the result; is called a second time, with equal random numbers and autocast, in the backward pass.
    /// </param>
    /// <param name="inputs">Floating point; stay the caller's.</param>
    /// <param name="parameters">The parameters that the segment uses; their gradients accumulate as ever.</param>
    /// <returns>The segment's result, in the current dispose scope.</returns>
    public static Tensor Run(Func<IReadOnlyList<Tensor>, Tensor> segment, IReadOnlyList<Tensor> inputs, IEnumerable<Parameter> parameters)
    {
        // with the parameters among the arguments, the result requires a gradient even where no input does
        object[] arguments = [new Segment(segment, inputs.Count), .. inputs, .. parameters];
        return is_grad_enabled() && arguments.OfType<Tensor>().Any(t => t.requires_grad)
            ? Recomputation.apply(arguments)
            : segment(inputs);
    }

    /// <summary>
    /// The backward pass of a graph with checkpoints: <c>loss.backward()</c>, after which a segment's exception comes to light.
    /// </summary>
    /// <param name="loss">0-dimensional.</param>
    /// <exception cref="Exception">Whatever a segment threw when it was computed again; its gradients are NaN then.</exception>
    public static void Backward(Tensor loss)
    {
        Interlocked.Exchange(ref _failure, null);
        loss.backward();
        Recomputation.ReleaseReturned();
        if (Interlocked.Exchange(ref _failure, null) is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    private static void Fail(Exception failure) => Interlocked.CompareExchange(ref _failure, failure, null);

    /// <summary>What is needed to compute a segment again.</summary>
    private sealed record Segment(Func<IReadOnlyList<Tensor>, Tensor> Compute, int Inputs)
    {
        public byte[] RandomState { get; set; } = [];

        public (sbyte Device, bool Enabled, sbyte Dtype) Autocast { get; set; }

        public Tensor Run(IReadOnlyList<Tensor> inputs)
        {
            using var scope = NewDisposeScope();
            return Compute(inputs).MoveToOuterDisposeScope();
        }
    }

    private sealed class Recomputation : autograd.SingleTensorFunction<Recomputation>
    {
        // TorchSharp reads the gradients that backward returns and leaves them to the caller; they live until the next ones
        [ThreadStatic] private static List<Tensor>? _returned;

        public override string Name => nameof(GradientCheckpoint);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var segment = (Segment)vars[0];
            var inputs = vars.Skip(1).Take(segment.Inputs).Cast<Tensor>().ToList();
            segment.RandomState = RandomState();
            segment.Autocast = VoxelZoo.Tensors.Autocast.Capture(inputs[0].device_type);
            ctx.save_for_backward(inputs);
            ctx.save_data("segment", segment);
            ctx.save_data("arguments", vars.Length);
            return segment.Run(inputs);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var segment = (Segment)ctx.get_data("segment");
            var gradients = new Tensor[(int)ctx.get_data("arguments")]; // null where there is none
            ReleaseReturned();
            var returned = _returned = [];
            using (NewDisposeScope())
            {
                var inputs = ctx.get_saved_variables().Select(v => v.detach().requires_grad_(v.requires_grad)).ToList();
                try
                {
                    Accumulate(segment, inputs, grad_output);
                    Return(inputs, i => inputs[i].grad);
                }
                catch (Exception e)
                {
                    Fail(e);
                    using var noGradient = no_grad();
                    Return(inputs, i => full_like(inputs[i], S(double.NaN)));
                }
            }

            grad_output.Dispose(); // TorchSharp made it for this call, in no scope
            return [.. gradients];

            void Return(List<Tensor> inputs, Func<int, Tensor?> gradientOf)
            {
                for (var i = 0; i < inputs.Count; i++)
                    if (inputs[i].requires_grad && gradientOf(i)?.DetachFromDisposeScope() is { } gradient)
                    {
                        gradients[1 + i] = gradient;
                        returned.Add(gradient);
                    }
            }
        }

        internal static void ReleaseReturned()
        {
            foreach (var tensor in _returned ?? [])
                tensor.Dispose();
            _returned = null;
        }

        private static void Accumulate(Segment segment, List<Tensor> inputs, Tensor gradient)
        {
            var present = RandomState();
            try
            {
                SetRandomState(segment.RandomState);
                Tensor result;
                using (enable_grad())
                using (VoxelZoo.Tensors.Autocast.Restore(segment.Autocast))
                    result = segment.Run(inputs);
                SetRandomState(present);
                autograd.backward([result], [gradient]);
            }
            finally
            {
                SetRandomState(present);
            }
        }

        private static byte[] RandomState()
        {
            using var state = random.get_rng_state();
            return state.data<byte>().ToArray();
        }

        private static void SetRandomState(byte[] bytes)
        {
            using var state = tensor(bytes);
            random.set_rng_state(state);
        }
    }
}
