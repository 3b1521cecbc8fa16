using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class CoordinateTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    /// <summary>The first condition that the network saw in training, by channel, with every condition image dropped.</summary>
    private float[][] Seen(bool coordinates, params IAugmentation[] augmentations)
    {
        float[][]? seen = null;
        var spy = new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            seen ??= [.. conditioning.Image![0].unbind(0).Select(channel => channel.contiguous().data<float>().ToArray())];
            return FormulaArchitecture.Truth(noisy, timesteps, conditioning with { Image = conditioning.Image![.., ..1] }, bias);
        });
        var draft = TinyRun.Draft(cohort, spy);
        var plan = ExperimentPlan.Compose(draft with
        {
            Condition = draft.Condition with { Coordinates = coordinates, Dropout = 1 },
            Augmentations = [.. augmentations.Select(one => TinyRun.Part("augmentations", one))],
        });
        Assert.Equal(coordinates ? 4 : 1, plan.Shape.ConditionChannels);
        using var run = new TinyRun();
        run.Train(plan, validate: false);
        return seen!;
    }

    [Fact]
    public void Three_channels_go_from_minus_one_to_one_along_each_axis_and_are_never_dropped()
    {
        var seen = Seen(coordinates: true);
        Assert.Equal(4, seen.Length);
        Assert.All(seen[0], value => Assert.Equal(0, value)); // the image is dropped
        foreach (var axis in seen[1..])
        {
            Assert.Equal((-1f, 1f), (axis[0], axis[^1]));
            Assert.Equal(0, axis.Average(), 1e-5f);
        }

        // W is the fastest axis in memory, D the slowest
        Assert.True(seen[3][1] > seen[3][0] && seen[1][1] == seen[1][0] && seen[2][1] == seen[2][0]);
    }

    [Fact]
    public void Without_them_the_network_sees_the_image_alone() => Assert.Single(Seen(coordinates: false));

    [Fact]
    public void They_go_where_an_augmentation_moves_the_voxels()
    {
        var (seen, moved) = (Seen(coordinates: true), Seen(coordinates: true, new Mirrored()));

        Assert.Equal(4, moved.Length);
        Assert.All(moved[0], value => Assert.Equal(0, value));
        Assert.Equal(seen[1], moved[1]);
        Assert.Equal(seen[2], moved[2]);
        Assert.Equal(seen[3].Select(value => -value), moved[3]); // of W, which goes from 1 to −1 now
        Assert.Equal(seen, Seen(coordinates: true, new SecondTerm(1))); // the unmoved term sees them as they are
    }

    /// <summary>Mirrors all of a term along W, its condition included.</summary>
    private sealed class Mirrored : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Mirror();

        private sealed class Mirror : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, torch.Generator random) =>
            [
                term with
                {
                    Clean = term.Clean.flip(4), Noise = term.Noise.flip(4), Noisy = term.Noisy.flip(4), Target = term.Target.flip(4),
                    Condition = term.Condition!.flip(4), VoxelWeights = term.VoxelWeights?.flip(4),
                },
            ];
        }
    }
}
