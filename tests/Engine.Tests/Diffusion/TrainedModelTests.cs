using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class TrainedModelTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    [Theory]
    [InlineData(false, "denoiser")]
    [InlineData(true, "ema")]
    public void Load_takes_the_average_where_there_is_one(bool average, string expected)
    {
        var plan = TinyRun.Plan(cohort);
        if (average)
            plan = plan with { Training = plan.Training with { Ema = new EmaOptions { Decay = 0.9, UpdateAfter = 0, UpdateEvery = 1 } } };
        using var run = new TinyRun();
        run.Train(plan);
        var (weights, bias, training) = run.Use(plan, (trained, _) =>
            (trained.Weights, Weights.Of(trained.Model.Denoiser)["bias"].data<float>()[0], trained.Model.Denoiser.training));
        Assert.Equal(expected, weights);
        Assert.Equal(run.Scalar(expected, "bias"), bias);
        Assert.False(training);
    }

    // training has a better one, moves the pointer and removes what it named before
    [Fact]
    public void Checkpoint_that_training_removes_while_it_is_read_is_followed_by_the_one_that_the_pointer_names_then()
    {
        using var run = new TinyRun();
        var plan = TinyRun.Plan(cohort);
        run.Train(plan with { Training = plan.Training with { Epochs = 2, KeepCheckpoints = 2 } });
        var names = run.Folder.CheckpointNames();
        File.WriteAllText(Path.Combine(run.Folder.Checkpoints, "best"), names[0]);
        List<string> read = [];

        var found = run.Folder.UseCheckpoint("best", Assert.Fail, checkpoint =>
        {
            read.Add(checkpoint.Name);
            if (read.Count == 1)
            {
                File.WriteAllText(Path.Combine(run.Folder.Checkpoints, "best"), names[1]);
                Directory.Delete(checkpoint.Folder, recursive: true);
            }

            using var weights = checkpoint.Read(checkpoint.Used("denoiser"));
            return checkpoint.Name;
        });

        Assert.Equal((names[1], 2), (found, read.Count));
    }

    [Fact]
    public void Load_a_damaged_checkpoint_warns_and_takes_another()
    {
        var plan = TinyRun.Plan(cohort);
        using var run = new TinyRun();
        run.Train(plan);
        File.WriteAllText(Path.Combine(run.Folder.Checkpoints, "step-00000008", "denoiser.safetensors"), "damaged");
        Assert.Equal("step-00000004", run.Use(plan, (trained, _) => trained.Checkpoint.Name));
        Assert.Contains("step-00000008", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_weights_that_are_not_finite_is_refused_by_file_and_tensor()
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, _, _, bias) => noisy * bias, bias: double.NaN));
        using var run = new TinyRun();
        Assert.Throws<DivergedException>(() => run.Train(plan)); // which keeps the beginning

        var error = Assert.Throws<RunFolderException>(() => run.Use(plan, (_, _) => 0));

        Assert.Contains(
            "denoiser.safetensors: of `bias`, 1 of 1 values is not a finite number (1 NaN, 0 infinite)",
            error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Load_without_a_checkpoint_is_refused()
    {
        using var run = new TinyRun();
        Assert.Throws<RunFolderException>(() => run.Use(TinyRun.Plan(cohort), (_, _) => 0));
    }

    [Fact]
    public void Load_weights_of_another_network_is_refused_by_file()
    {
        using var run = new TinyRun();
        run.Train(TinyRun.Plan(cohort));
        var error = Assert.Throws<InvalidDataException>(() => run.Use(TinyRun.Plan(cohort, new ConvArchitecture()), (_, _) => 0));
        Assert.Contains("denoiser.safetensors", error.Message, StringComparison.Ordinal);
    }
}
