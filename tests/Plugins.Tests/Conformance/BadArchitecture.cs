using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Conformance;

/// <summary>What is wrong with a <see cref="BadArchitecture"/>; named like the check that must find it.</summary>
internal enum Defect
{
    None,
    Create,
    InputsUntouched,
    Shape,
    Finite,
    Gradient,
    InputsMatter,
    Repeatable,
    SameSeed,
    SaveLoad,
    BatchPermutation,
    LiveTensors,
    GradientCheckpointing,
    MetaDevice,
    OddSizes,
    ControlCreate,
    ControlStart,
    ControlStartFrom,
    ControlMatters,
    ControlGradient,
    ControlResiduals,
    ControlGrid,
    ControlSaveLoad,
    ControlLiveTensors,
    ControlMetaDevice,
}

internal sealed record BadOptions;

/// <summary>One convolution with one defect.</summary>
internal sealed class BadArchitecture(Defect defect) : IArchitecture<BadOptions>
{
    public BadOptions Fit(BadOptions options, DiffusionShape shape) => defect == Defect.Create
        ? throw new InvalidOperationException("no")
        : defect != Defect.OddSizes && (shape.Latent.Depth % 2 + shape.Latent.Height % 2 + shape.Latent.Width % 2) != 0
            ? throw new PlanException("sizes must be even")
            : options;

    public DenoiserFacts Describe(BadOptions options, DiffusionShape shape) => new() { CheckpointedElements = 1 };

    public Denoiser Create(BadOptions options, PartContext context) =>
        new BadDenoiser(
            context.GradientCheckpointing || defect != Defect.GradientCheckpointing ? defect : Defect.None,
            defect == Defect.MetaDevice ? CPU : context.Device);

    public ControlBranch CreateControl(BadOptions options, ControlOptions control, PartContext context) => defect == Defect.ControlCreate
        ? throw new InvalidOperationException("no")
        : new BadControl(defect, control, defect == Defect.ControlMetaDevice ? CPU : context.Device);

    private sealed class BadDenoiser : Denoiser
    {
        private static int _instances;

        private readonly Conv3d conv;
        private readonly Linear time;
        private readonly Linear? unused;
        private readonly Defect _defect;
        private readonly List<Tensor> _hoard = [];
        private readonly float _secret;

        public BadDenoiser(Defect defect, Device device)
            : base(nameof(BadDenoiser))
        {
            _defect = defect;
            conv = nn.Conv3d(3, 2, 3, padding: 1, device: device);
            time = nn.Linear(1, 4, device: device);
            if (defect == Defect.Gradient)
                unused = nn.Linear(1, 1, device: device);
            if (defect == Defect.SameSeed)
            {
                using var _ = no_grad();
                time.weight.fill_(S((double)++_instances));
            }

            // state beside the parameters, which no file carries
            _secret = defect == Defect.SaveLoad ? ++_instances : 0;
            RegisterComponents();
        }

        public override int EmbeddingSize => 4;

        public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            if (_defect == Defect.InputsUntouched)
                sample.mul_(S(2.0));
            var embedding = conditioning.Modulate(time.call(timesteps.unsqueeze(1) / S(1000.0))).mean([1]).view(-1, 1, 1, 1, 1);
            var h = conv.call(conditioning.Concatenate(sample))
                + (_defect == Defect.InputsMatter ? embedding.detach() * S(0.0) + time.weight.sum() + time.bias!.sum() : embedding);
            h = _defect switch
            {
                Defect.Shape => h.transpose(3, 4).contiguous(),
                Defect.Finite => h / (timesteps > S(0.0)).to_type(ScalarType.Float32).view(-1, 1, 1, 1, 1),
                Defect.Repeatable => h + randn_like(h) * S(1e-3),
                Defect.GradientCheckpointing => h * S(1.01),
                Defect.SaveLoad => h + S((double)_secret),
                Defect.BatchPermutation => h - h.mean(),
                Defect.OddSizes => nn.functional.interpolate(nn.functional.avg_pool3d(h, [2, 2, 2]), scale_factor: [2, 2, 2]) + h,
                _ => h,
            };
            if (conditioning.Residuals is { } residuals)
                h += residuals.Count == 1 || _defect == Defect.ControlResiduals
                    ? residuals[0]
                    : throw new ArgumentException("one residual", nameof(conditioning));
            if (_defect == Defect.LiveTensors)
                _hoard.Add(h.clone().DetachFromDisposeScope());
            return h.MoveToOuterDisposeScope();
        }

        public void CopyTo(Linear other)
        {
            using var _ = no_grad();
            other.weight!.copy_(time.weight!);
            other.bias!.copy_(time.bias!);
        }
    }

    /// <summary>One residual, of one convolution, with one defect.</summary>
    private sealed class BadControl : ControlBranch
    {
        private static int _instances;

        private readonly Conv3d conv;
        private readonly Linear time;
        private readonly Conv3d zero;
        private readonly Linear? unused;
        private readonly int _stride;
        private readonly Defect _defect;
        private readonly List<Tensor> _hoard = [];
        private readonly float _secret;

        public BadControl(Defect defect, ControlOptions control, Device device)
            : base(nameof(BadControl))
        {
            _defect = defect;
            _stride = 1 << (control.EmbeddingChannels.Count - 1);
            conv = nn.Conv3d(2 + control.ImageChannels, 4, 1, device: device);
            time = nn.Linear(1, 4, device: device);
            zero = nn.Conv3d(4, 2, 1, device: device);
            if (defect == Defect.ControlGradient)
                unused = nn.Linear(1, 1, device: device);
            if (defect != Defect.ControlStart)
            {
                nn.init.zeros_(zero.weight!);
                nn.init.zeros_(zero.bias!);
            }

            // state beside the parameters, which no file carries; large enough to show where the layer is not zero
            _secret = defect == Defect.ControlSaveLoad ? ++_instances : 0;
            RegisterComponents();
        }

        public override IReadOnlyList<Tensor> Residuals(Tensor sample, Tensor timesteps, Tensor control, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            if (_defect == Defect.ControlGrid)
                control = nn.functional.interpolate(control, sample.shape[2..]);
            else if (!control.shape[2..].SequenceEqual(sample.shape[2..].Select(size => size * _stride)))
                throw new PlanException("the image does not fit");
            else if (_stride > 1)
                control = nn.functional.avg_pool3d(control, [_stride, _stride, _stride]);
            if (_defect == Defect.ControlMatters)
                control = zeros_like(control);
            var h = conv.call(cat([sample, control], 1)) + time.call(timesteps.unsqueeze(1) / S(1000.0)).view(-1, 4, 1, 1, 1)
                + S((double)_secret);
            var residual = zero.call(h);
            if (_defect == Defect.ControlLiveTensors)
                _hoard.Add(residual.clone().DetachFromDisposeScope());
            return [residual.MoveToOuterDisposeScope()];
        }

        public override void StartFrom(Denoiser denoiser)
        {
            if (_defect == Defect.ControlStartFrom)
                return;
            if (denoiser is not BadDenoiser bad)
                throw new ArgumentException("another denoiser", nameof(denoiser));
            bad.CopyTo(time);
        }
    }
}
