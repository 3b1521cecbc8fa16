using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ArchitectureConformance;
using static VoxelZoo.Conformance.ModuleChecks;

namespace VoxelZoo.Conformance;

/// <summary>Checks the control branch of an architecture that has one.</summary>
internal static class ControlConformance
{
    private const int ImageChannels = 3;

    private static readonly ControlOptions SameGrid = new() { ImageChannels = ImageChannels, EmbeddingChannels = [4] };

    /// <summary>Runs the checks, none where the architecture has no control branch.</summary>
    /// <param name="checks">Where the results go.</param>
    /// <param name="architecture">The architecture.</param>
    /// <param name="options">Its complete tiny options.</param>
    /// <param name="context">Device, logger, streams.</param>
    /// <param name="denoiser">Made from these options and perturbed, so that residuals reach its prediction.</param>
    /// <param name="input">What the denoiser takes.</param>
    public static void Run(
        CheckList checks, IArchitecture architecture, object options, PartContext context, Denoiser denoiser, Input input)
    {
        ControlBranch? created = null;
        checks.Run("control_create", "CreateControl builds a control branch, or null where the architecture has none", () =>
        {
            manual_seed(4);
            created = architecture.CreateControl(options, SameGrid, context) is { } branch ? ModuleTensors.Keep(branch) : null;
            return created is null || created.parameters().Any() ? null : "the control branch has no parameters";
        });
        if (created is null)
            return;
        using var branch = created;
        var image = Image(halvings: 0);

        checks.Run("control_start", "a new branch changes no prediction by a bit, before and after StartFrom", () =>
        {
            var alone = input.Predict(denoiser);
            if (!BitEqual(Steer(branch, image, input).Predict(denoiser), alone))
                return "the prediction changes with a new branch";
            branch.StartFrom(denoiser);
            return BitEqual(Steer(branch, image, input).Predict(denoiser), alone)
                ? null
                : "the prediction changes once the branch started from the denoiser";
        });
        checks.Run(
            "control_start_from",
            "StartFrom copies from the denoiser, leaves it alone and refuses another kind of denoiser",
            () => StartFrom(architecture, options, context, denoiser));

        Perturb(branch);
        checks.Run(
            "control_matters",
            "steering image, sample and timestep each change what a trained branch does",
            () => Matters(branch, denoiser, image, input));
        checks.Run(
            "control_gradient",
            "the gradient reaches every parameter of the branch, and the denoiser's own can stay frozen",
            () => Gradient(branch, denoiser, image, input));
        checks.Run(
            "control_residuals",
            "another number of residuals than the denoiser takes is refused with an ArgumentException",
            () => Residuals(branch, denoiser, image, input));
        checks.Run(
            "control_grid",
            "with two embedding widths an image of twice the grid steers, and one that does not fit is refused with a PlanException",
            () => TwiceTheGrid(architecture, options, context, input));
        checks.Run("control_save_load", "saved and loaded weights steer the same, bit for bit", () =>
        {
            using var other = Create(architecture, options, context, SameGrid);
            return SaveAndLoad(branch, other, each => Steer(each, image, input).Predict(denoiser));
        });
        checks.Run(
            "control_live_tensors",
            "residuals leave no tensors behind",
            () => LiveTensorsAreFlat(() => Steer(branch, image, input).Predict(denoiser)));
        checks.Run("control_meta_device", "the meta device gives the branch's keys and shapes", () =>
        {
            using var shapes = Create(architecture, options, context with { Device = META }, SameGrid);
            return SameOnMeta(branch, shapes);
        });
    }

    private static ControlBranch Create(IArchitecture architecture, object options, PartContext context, ControlOptions control) =>
        architecture.CreateControl(options, control, context) is { } branch
            ? ModuleTensors.Keep(branch)
            : throw new InvalidOperationException("CreateControl gives a branch at one time and none at another");

    private static Tensor Image(int halvings) =>
        randn(new VolumeShape(ImageChannels, Grid.Depth << halvings, Grid.Height << halvings, Grid.Width << halvings).Batch(Batch));

    private static Input Steer(ControlBranch branch, Tensor image, Input input)
    {
        using var gradient = no_grad();
        return WithResiduals(branch, image, input);
    }

    private static Input WithResiduals(ControlBranch branch, Tensor image, Input input) => input with
    {
        Conditioning = input.Conditioning with { Residuals = branch.Residuals(input.Sample, input.Timesteps, image, input.Conditioning) },
    };

    private static string? StartFrom(IArchitecture architecture, object options, PartContext context, Denoiser denoiser)
    {
        using var branch = Create(architecture, options, context, SameGrid);
        var (before, denoiserBefore) = (Copy(branch), Copy(denoiser));
        branch.StartFrom(denoiser);
        if (!Copy(denoiser).All(weight => BitEqual(weight.Value, denoiserBefore[weight.Key])))
            return "StartFrom changes the denoiser";
        if (Weights.Of(branch).All(weight => BitEqual(weight.Value, before[weight.Key])))
            return "StartFrom copies nothing";
        try
        {
            using var stranger = new Stranger();
            branch.StartFrom(stranger);
            return "StartFrom accepts a denoiser that has nothing in common with the branch";
        }
        catch (ArgumentException)
        {
            return null;
        }

        static Dictionary<string, Tensor> Copy(nn.Module module) =>
            Weights.Of(module).ToDictionary(weight => weight.Key, weight => weight.Value.clone());
    }

    private static string? Matters(ControlBranch branch, Denoiser denoiser, Tensor image, Input input)
    {
        var steered = Steer(branch, image, input);
        var usual = steered.Predict(denoiser);
        var ignored = new (string Name, Tensor Image, Input Seen)[]
            {
                ("the steering image", -image, input),
                ("the sample", image, input with { Sample = -input.Sample }),
                ("the timestep", image, input with { Timesteps = zeros_like(input.Timesteps) }),
            }
            .Where(change => BitEqual(Prediction(Steer(branch, change.Image, change.Seen)), usual))
            .Select(change => change.Name)
            .ToArray();
        return ignored.Length == 0 ? null : $"the branch ignores {string.Join(" and ", ignored)}";

        // what the branch saw is changed, what the denoiser sees is not
        Tensor Prediction(Input changed) =>
            (input with { Conditioning = input.Conditioning with { Residuals = changed.Conditioning.Residuals } }).Predict(denoiser);
    }

    private static string? Gradient(ControlBranch branch, Denoiser denoiser, Tensor image, Input input)
    {
        var trained = denoiser.parameters().Where(parameter => parameter.requires_grad).ToArray();
        try
        {
            foreach (var parameter in trained)
                parameter.requires_grad = false;
            using (enable_grad())
            {
                var steered = WithResiduals(branch, image, input);
                var prediction = denoiser.call(steered.Sample, steered.Timesteps, steered.Conditioning);
                (prediction * randn_like(prediction)).sum().backward();
            }

            return denoiser.parameters().Any(parameter => parameter.grad?.count_nonzero().item<long>() > 0)
                ? "a frozen denoiser has gradients"
                : MissedByGradient(branch);
        }
        finally
        {
            branch.zero_grad();
            foreach (var parameter in trained)
                parameter.requires_grad = true;
        }
    }

    private static string? Residuals(ControlBranch branch, Denoiser denoiser, Tensor image, Input input)
    {
        var residuals = Steer(branch, image, input).Conditioning.Residuals!;
        foreach (var wrong in new[] { residuals.SkipLast(1), residuals.Append(residuals[^1]) })
        {
            try
            {
                (input with { Conditioning = input.Conditioning with { Residuals = [.. wrong] } }).Predict(denoiser);
                return $"{wrong.Count()} residuals are accepted where the branch gives {residuals.Count}";
            }
            catch (ArgumentException)
            {
                // refused as it should be
            }
        }

        return null;
    }

    private static string? TwiceTheGrid(IArchitecture architecture, object options, PartContext context, Input input)
    {
        using var branch = Create(architecture, options, context, SameGrid with { EmbeddingChannels = [4, 4] });
        _ = Steer(branch, Image(halvings: 1), input);
        try
        {
            _ = Steer(branch, Image(halvings: 0), input);
            return "an image of the sample's grid is accepted although it is halved";
        }
        catch (PlanException)
        {
            return null;
        }
    }

    private sealed class Stranger() : Denoiser(nameof(Stranger))
    {
        public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning) => sample.alias();
    }
}
