using System.CommandLine;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Host.Verbs.Runs;
using VoxelZoo.Host.WeightFiles;
using VoxelZoo.Host.Zoo;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Verbs.WeightFiles;

/// <summary><c>weights export FROM</c>: weights for other programs.</summary>
internal sealed class WeightsExportVerb : Verb
{
    private readonly Argument<string> _from;
    private readonly Option<string> _out, _checkpoint = RunArguments.Checkpoint();
    private readonly Option<bool> _overwrite;

    public WeightsExportVerb()
        : base("export", "Writes weights as PyTorch loads them, by the names that their public implementation has")
    {
        _from = With(new Argument<string>("FROM")
        {
            Description = "An animal (zoo/FAMILY/NAME), a run, of which the average is taken where it has one, or a .safetensors file",
        });
        _out = With(WeightsOptions.Out(".pt for torch.load, or .safetensors"));
        _overwrite = With(new Option<bool>("--overwrite") { Description = "Replace the file of --out where it is there already" });
        With(_checkpoint);
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (from, path) = (parse.GetRequiredValue(_from), parse.GetRequiredValue(_out));
        var isSafe = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        if (!isSafe && Path.GetExtension(path).ToLowerInvariant() is not (".pt" or ".pth"))
            throw new UsageException($"--out {path}: weights are written as .pt, .pth or .safetensors; name such a file");
        using var session = new Session(parse);
        var (file, changed) = from.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
            ? (from, null)
            : FileOf(session, from, parse.GetRequiredValue(_checkpoint));
        OutFile.Require(path, ("FROM", file));
        if (File.Exists(path) && !parse.GetValue(_overwrite))
            throw new UsageException($"--out {path}: it is there already; name another file, or replace it with {_overwrite.Name}");
        using var read = ForeignWeights.Read(file);
        using var scope = NewDisposeScope();
        using var start = changed is null ? null : ForeignWeights.Read(changed.File);
        var tensors = start is null ? read : LoraAdapter.Merged(start, read, changed!.Options);
        if (isSafe)
            TensorFile.Write(path, tensors);
        else
            TensorFile.Writing(() => StateDictFile.Write(path, tensors), path);
        Output.Line($"{Places.Shown(path)}: {tensors.Count:N0} tensors of {Places.Shown(file)}");
        return ExitCode.Done;
    }

    /// <summary>The file of a run's network; of one with training.lora that of its change, and what is changed.</summary>
    private static (string File, AdaptedBase? Changed) FileOf(Session session, string name, string checkpoint)
    {
        var run = AnimalRuns.Open(session, name);
        var opened = run.OpenNamedCheckpoint(checkpoint, ConsoleObserver.Warn);
        var component = new[] { Component.Control, Component.Adapter, Component.Denoiser, Component.Compressor }.First(opened.Has);
        return (
            opened.File(opened.Used(component)), AdaptedBase.Of(run, opened, lender => ExperimentLoader.Load(session, lender, []).Plan));
    }
}
