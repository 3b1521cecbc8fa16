using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// An average of a run's weights whose length is chosen after training (arXiv:2312.02696): one that was kept (<c>training.ema_lengths</c>),
/// or one that is put together from those of all checkpoints that are still there.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="checkpoint">The checkpoint to which it reaches.</param>
/// <param name="length">σ.</param>
internal sealed class ChosenAverage(RunFolder run, Checkpoint checkpoint, double length)
{
    // a density that is further off is another average
    private const double LargestError = 0.05;

    /// <summary>What the weights are called: <c>ema_0.07</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>SHA-256 of the file, or of the files and factors that they are put together of.</summary>
    public string Sha256 { get; private set; } = "";

    /// <summary>Puts the average of a component into its module.</summary>
    /// <param name="component">The component.</param>
    /// <param name="module">Its module.</param>
    /// <param name="warn">Called where the average that can be put together is not quite the wanted one.</param>
    /// <exception cref="RunFolderException">The run kept no averages.</exception>
    public void Load(string component, nn.Module module, Action<string>? warn)
    {
        var wanted = Component.AverageOf(component, length);
        if (checkpoint.Has(wanted))
        {
            using var kept = checkpoint.Read(wanted);
            Weights.Load(module, kept, checkpoint.File(wanted));
            Describe(wanted, checkpoint.Manifest.Files[$"{wanted}.safetensors"].Sha256);
            return;
        }

        var snapshots = Snapshots(component);
        if (snapshots.Count == 0)
            throw new RunFolderException(
                $"{checkpoint.Name} of {run.Path} keeps no averages of a length; "
                + "training.ema_lengths, such as [0.05, 0.1], keeps some, of which sampling.ema_length then makes any other");
        var (factors, error) = PowerFunctionProfile.Combine(
            [.. snapshots.Select(one => ((double)one.Checkpoint.Manifest.Position.Step, one.Length))],
            checkpoint.Manifest.Position.Step,
            length);
        if (error > LargestError)
            warn?.Invoke(string.Create(
                CultureInfo.InvariantCulture,
                $"the average of length {length} is put together of {snapshots.Count} kept ones and is {100 * error:F0} % off; "
                + $"keep more checkpoints (training.keep_every), or choose a length nearer to one that was kept"));
        Combine(component, module, snapshots, factors);
        var made = string.Join(
            '\n',
            snapshots.Zip(
                factors,
                (one, factor) => FormattableString.Invariant(
                    $"{one.Checkpoint.Manifest.Files[$"{one.Component}.safetensors"].Sha256} {factor:R}")));
        Describe(
            FormattableString.Invariant($"{wanted} of {snapshots.Count} averages"),
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(made))));
    }

    private void Describe(string name, string sha256)
    {
        if (Name.Length == 0)
            (Name, Sha256) = (name, sha256); // of the first component, as without a choice
    }

    /// <summary>The averages that checkpoints up to this one kept of a component.</summary>
    private List<(Checkpoint Checkpoint, string Component, double Length)> Snapshots(string component)
    {
        List<(Checkpoint, string, double)> found = [];
        foreach (var name in run.CheckpointNames().Where(name => string.CompareOrdinal(name, checkpoint.Name) <= 0))
        {
            var one = name == checkpoint.Name ? checkpoint : run.OpenNamedCheckpoint(name, _ => { });
            foreach (var file in one.Manifest.Files.Keys.Select(file => Path.GetFileNameWithoutExtension(file)))
            {
                if (Component.LengthOf(component, file) is { } kept)
                    found.Add((one, file, kept));
            }
        }

        return found;
    }

    /// <summary>Adds up the snapshots in float64; what is no parameter is that of the checkpoint itself.</summary>
    private void Combine(
        string component,
        nn.Module module,
        List<(Checkpoint Checkpoint, string Component, double Length)> snapshots,
        IReadOnlyList<double> factors)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var parameters = module.named_parameters().Select(parameter => parameter.name).ToHashSet(StringComparer.Ordinal);
        var sums = new Dictionary<string, Tensor>();
        foreach (var ((kept, file, _), factor) in snapshots.Zip(factors))
        {
            using var average = kept.Read(file);
            foreach (var (key, value) in average.Where(weight => parameters.Contains(weight.Key)))
            {
                using var inner = NewDisposeScope();
                var part = value.to(ScalarType.Float64) * Scalars.S(factor);
                sums[key] = (sums.TryGetValue(key, out var sum) ? sum.add_(part) : part).MoveToOuterDisposeScope();
            }
        }

        using var own = checkpoint.Read(component);
        Weights.Load(module, own.ToDictionary(weight => weight.Key, weight => sums.GetValueOrDefault(weight.Key, weight.Value)), run.Path);
    }
}
