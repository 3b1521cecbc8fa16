using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Compression;

/// <summary>
/// The validation loss: what the losses of reconstructions come to on whole volumes, as the last phase weighs them, so that epochs of
/// different phases can be compared.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="volumes">Volumes to validate on.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
public sealed class ReconstructionValidator(CompressionPlan plan, IBatchSource volumes, ICollective? collective = null)
{
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;

    /// <summary>Mean over all volumes.</summary>
    /// <param name="model">The model; put into evaluation mode for the duration.</param>
    public Validation Run(CompressionModel model)
    {
        using var _ = torch.no_grad();
        var losses = plan.Compression.Phases[^1].Losses.Where(loss => loss.Value > 0 && LossNames.OfReconstructions.Contains(loss.Key))
            .ToArray();
        // of each volume the losses and the quality; 0 where another process measures, so that the sums over the
        // processes are what was measured
        var (columns, measured) = (losses.Length + 1, new double[volumes.Count * (losses.Length + 1)]);
        model.Compressor.eval();
        foreach (var i in _collective.Share(volumes.Count))
        {
            using var scope = torch.NewDisposeScope();
            using var sample = volumes.Load(i);
            var (volume, reconstruction) = Real(model, sample);
            for (var k = 0; k < losses.Length; k++)
                measured[i * columns + k] = ReconstructionLosses.ByName[losses[k].Key](reconstruction, volume).item<float>();
            measured[i * columns + losses.Length] = plan.IsOfMasks
                ? Dice(model.Finish(reconstruction), volume)
                : Psnr(model.Finish(reconstruction), volume);
        }

        model.Compressor.train();
        _collective.Sum(measured);
        double Sum(int column) => Enumerable.Range(0, volumes.Count).Sum(i => measured[i * columns + column]);
        double[] sums = [.. losses.Select((_, k) => Sum(k))];
        return new Validation(losses.Zip(sums, (loss, sum) => loss.Value * sum / volumes.Count).Sum())
        {
            Measures = losses.Zip(sums, (loss, sum) => (Name: $"Validation/loss/{loss.Key}", Sum: sum))
                .Append((Name: plan.IsOfMasks ? "Validation/dice" : "Validation/psnr", Sum: Sum(losses.Length)))
                .ToDictionary(measure => measure.Name, measure => measure.Sum / volumes.Count),
        };
    }

    /// <summary>A volume and its reconstruction on the model's device, without padding slices.</summary>
    internal static (Tensor Volume, Tensor Reconstruction) Real(CompressionModel model, Batch sample)
    {
        var volume = sample.Images[PooledImages.Image].to(model.Device);
        var reconstruction = model.Reconstruct(volume);
        return (volume.narrow(2, 0, sample.RealSlices[0]), reconstruction.narrow(2, 0, sample.RealSlices[0]));
    }

    /// <summary>Peak signal-to-noise ratio in dB of intensities from 0 to 1; 100 where there is no noise.</summary>
    private static double Psnr(Tensor made, Tensor real) =>
        Math.Min(100, -10 * Math.Log10(nn.functional.mse_loss(made, real).item<float>()));

    /// <summary>Dice coefficient of the masks; 1 where both are empty.</summary>
    private static double Dice(Tensor made, Tensor real)
    {
        var (a, b) = (Masks.Binarise(made), Masks.Binarise(real));
        var sizes = a.sum().item<long>() + b.sum().item<long>();
        return sizes == 0 ? 1 : 2.0 * (a * b).sum().item<long>() / sizes;
    }
}
