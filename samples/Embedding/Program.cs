// Trains a tiny experiment and samples from it in a program of its own, without the command line: docs/embedding.md.
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Plugins.RFlow;
using VoxelZoo.Plugins.Samplers;
using VoxelZoo.Plugins.UNet3D;

var folder = args.Length > 0 ? args[0] : "runs/embedded";

// 1. What is learned, and by what: each section of an experiment is a record, each `use:` a part with its options.
var plan = ExperimentPlan.Compose(new ExperimentPlan
{
    Id = "embedded",
    Data = new DataOptions
    {
        Synthesize = new SynthesisOptions { Train = 2, Val = 1, Test = 1, Depth = 8, Height = 32, Width = 32, MaxLesions = 1 },
        Depth = 8, OriginalDepth = 8, Height = 32, Width = 32, SlicePitch = 150.0 / 8,
    },
    Target = [ImageKinds.Bravo],
    Condition = new ConditionOptions { Images = [ImageKinds.Seg] },
    Compressor = PlannedPart.Of<ICompressor>(new IdentityCompressor()),
    Architecture = PlannedPart.Of<IArchitecture>(
        new UNet3DArchitecture(),
        new UNet3DOptions
        {
            Channels = [8, 16], NumResBlocks = [1, 1], AttentionLevels = [false, false], NumHeadChannels = 8, NormNumGroups = 8,
        }),
    Strategy = PlannedPart.Of<INoiseStrategy>(new RFlowStrategy()),
    Sampler = PlannedPart.Of<ISampler>(new EulerSampler(), new EulerOptions { Steps = 4 }),
    Training = new TrainingOptions { Epochs = 2, WarmupEpochs = 0, Precision = Precision.Float32, Device = "cpu" },
    Sampling = new SamplingOptions { Count = 1 },
});

// 2. The experiment: described, checked, and nothing allocated yet. What cannot work is refused with section, key and sentence.
var context = new ExperimentContext { Observer = new ConsoleObserver() };
var experiment = new DiffusionExperiment(plan, context);
Console.WriteLine($"{experiment.Description.Parameters.Denoiser:N0} parameters, {experiment.Memory.Describe()}");

// 3. A run: its folder is the same as that of `voxelzoo train`, and `voxelzoo report`, `sample` and `evaluate` read it.
var (run, status) = experiment.Train(folder);
Console.WriteLine($"{status.Status} after {status.Step} steps in {run.Path}");

// 4. Options change by `with`.
var other = new DiffusionExperiment(plan with { Sampling = plan.Sampling with { Seed = 7 } }, context);
foreach (var sample in experiment.Sample(run).Concat(other.Sample(run)))
    Console.WriteLine($"{sample.Folder}: {sample.Facts}");

/// <summary>Says what is of interest.</summary>
internal sealed class ConsoleObserver : ExperimentObserver
{
    public override void Warned(string sentence) => Console.Error.WriteLine($"warning: {sentence}");

    public override TrainingObserver Training(Plan plan) => new Epochs();

    private sealed class Epochs : TrainingObserver
    {
        public override void EpochDone(EpochFacts facts) => Console.WriteLine($"epoch {facts.Epoch}: loss {facts.Loss:F4}");
    }
}
