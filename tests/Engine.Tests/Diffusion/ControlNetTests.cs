using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class ControlNetTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Plan(ControlNetOptions? control = null, IArchitecture? architecture = null) =>
        ExperimentPlan.Compose(TinyRun.Draft(cohort, architecture ?? new ModulatedArchitecture()) with
        {
            Condition = new ConditionOptions { Images = control is null ? [] : ["t1_pre"], Control = control },
        });

    [Fact]
    public void Steered_denoiser_is_the_other_runs_and_stays_as_it_is()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(Plan());
        var steered = first.Scalar("denoiser", "bias");
        Assert.NotEqual(0.5f, steered);

        new FrozenParts(second.Folder).Adopt(FrozenParts.Denoiser, first.Folder, "denoiser", _ => { });
        var plan = Plan(new ControlNetOptions());
        Assert.Equal(0, plan.Shape.ConditionChannels); // the denoiser itself sees no image
        second.Train(plan);

        Assert.False(second.Latest.Has("denoiser"));
        var branch = second.Component("control");
        Assert.NotEqual(0, branch["factor"][0]);
        Assert.Equal(steered, branch["copied"][0]); // started from it
        Assert.Equal(steered, second.Use(plan, (trained, _) => trained.Model.Denoiser.parameters().Single().data<float>()[0]));
    }

    [Fact]
    public void Scale_multiplies_what_the_branch_adds()
    {
        using var first = new TinyRun();
        first.Train(Plan());

        float Loss(double scale)
        {
            using var run = new TinyRun();
            new FrozenParts(run.Folder).Adopt(FrozenParts.Denoiser, first.Folder, "denoiser", _ => { });
            run.Train(Plan(new ControlNetOptions { Scale = scale }), validate: false);
            return (float)run.Steps[^1].Loss;
        }

        Assert.NotEqual(Loss(1), Loss(0.1));
    }

    [Fact]
    public void Control_without_an_image_is_refused()
    {
        var refusal = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(TinyRun.Draft(cohort, new ModulatedArchitecture()) with
        {
            Condition = new ConditionOptions { Control = new ControlNetOptions() },
        }));
        Assert.Equal(("condition", "control"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Architecture_without_a_branch_is_refused()
    {
        var plan = Plan(new ControlNetOptions(), new ConvArchitecture());
        using var random = new RandomStreams(1);
        var refusal = Assert.Throws<PlanException>(() => PlanDescription.Of(plan, TinyRun.Context(plan, random)));
        Assert.Equal(("condition", "control"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Description_counts_the_branch_by_itself()
    {
        var plan = Plan(new ControlNetOptions());
        using var random = new RandomStreams(1);
        var counts = PlanDescription.Of(plan, TinyRun.Context(plan, random)).Parameters;
        Assert.Equal((1, 0, 0, 2L), (counts.Denoiser, counts.Conditioning, counts.Compressor, counts.Controlnet));
    }

    [Fact]
    public void Damaged_frozen_weights_are_refused()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(Plan());
        new FrozenParts(second.Folder).Adopt(FrozenParts.Denoiser, first.Folder, "denoiser", _ => { });
        var file = Path.Combine(second.Folder.Frozen, "denoiser.safetensors");
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Contains(
            "is not the file",
            Assert.Throws<RunFolderException>(() => second.Train(Plan(new ControlNetOptions()))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Lost_frozen_weights_are_refused()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(Plan());
        new FrozenParts(second.Folder).Adopt(FrozenParts.Denoiser, first.Folder, "denoiser", _ => { });
        var plan = Plan(new ControlNetOptions());
        second.Train(plan);
        Directory.Delete(second.Folder.Frozen, recursive: true);

        var refusal = Assert.Throws<RunFolderException>(() => second.Use(plan, (_, _) => 0));

        Assert.Contains("frozen.json is not there, and says no more where the denoiser is from", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_that_trained_something_else_cannot_be_adopted()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(Plan());
        var error = Assert.Throws<RunFolderException>(
            () => new FrozenParts(second.Folder).Adopt(FrozenParts.Compressor, first.Folder, "compressor", _ => { }));
        Assert.Contains("is not a run that trained a compressor", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(second.Folder.Frozen));
    }
}
