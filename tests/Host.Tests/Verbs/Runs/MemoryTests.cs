using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Tests.Conventions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>What training takes, against what <c>describe</c> said it would.</summary>
public sealed class MemoryTests
{
    /// <summary>
    /// oneDNN takes working memory beside the tensors, how much depends on the kernels that it chooses for a CPU. AVX2 is what all CPUs of
    /// the last ten years have, so with it the same kernels run everywhere.
    /// </summary>
    [Fact]
    public void Estimate_is_the_peak_of_what_training_allocates_within_a_fifth() =>
        ChildProcess.Run(
            typeof(MemoryProcess), new Dictionary<string, string> { ["ONEDNN_MAX_CPU_ISA"] = "AVX2", ["OMP_NUM_THREADS"] = "2" });
}

/// <summary>Runs in a process of its own: <see cref="MemoryTests"/>.</summary>
public sealed class MemoryProcess
{
    private static readonly string[] UNet =
        ["architecture.channels=[16,32,64,64]", "architecture.num_head_channels=16", "architecture.norm_num_groups=8"];

    private static readonly string[] DiT =
        [
            "architecture.patch_size=4", "architecture.hidden_size=192", "architecture.depth=6", "architecture.num_heads=6",
            "data.height=32", "data.width=32",
        ];

    public static TheoryData<string, string[]> Plans => new()
    {
        { "pixel_unet", UNet },
        { "pixel_unet", [.. UNet, "training.gradient_checkpointing=true"] },
        { "pixel_dit", DiT },
        { "pixel_dit", [.. DiT, "training.gradient_checkpointing=true"] },
    };

    [Theory(Explicit = true)]
    [MemberData(nameof(Plans))]
    public void Estimate_is_the_peak_of_what_training_allocates_within_a_fifth(string id, string[] sets)
    {
        var plan = IndexTests.Read(Path.Combine("zoo", id), sets: [.. sets, "training.batch_size=1"]).Plan;
        using var random = new RandomStreams(0);
        var context = new PartContext(torch.CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, random);
        var estimate = PlanDescription.Of(plan, context).Memory;

        using (var warm = new DiffusionTask(plan, null, context))
        {
            // what is allocated once
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = NativeHeap.Allocated;
        var (peak, done) = (0L, false);
        var sampler = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                peak = Math.Max(peak, NativeHeap.Allocated);
                Thread.Sleep(1);
            }
        });
        sampler.Start();
        using (var task = new DiffusionTask(plan, null, context))
            for (var step = 1; step <= 2; step++)
            {
                using var batch = Random(plan);
                task.Step(batch, step, 0);
            }

        Volatile.Write(ref done, true);
        sampler.Join();
        var measured = peak - before;
        Assert.InRange((double)estimate.Total / measured, 0.8, 1.2);
    }

    private static Batch Random(ExperimentPlan plan) => new()
    {
        Patients = ["a"],
        Images = plan.Kinds.ToDictionary(
            kind => kind, _ => rand(new VolumeShape(1, plan.Data.Depth, plan.Data.Height, plan.Data.Width).Batch(1))),
        RealSlices = [plan.Data.Depth],
    };
}
