using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Augmentations;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Augmentations;

public sealed class ScoreAugTests
{
    private static readonly VolumeShape Cube = new(1, 10, 10, 10);

    private static readonly ScoreAugOptions Nothing = new() { Rotation = false, Flip = false };

    public static TheoryData<ScoreAugOptions> Modes =>
    [
        new ScoreAugOptions { Translation = true, Cutout = true },
        new ScoreAugOptions { Translation = true, Cutout = true, Compose = true },
        new ScoreAugOptions { Translation = true, Cutout = true, Patterns = true },
    ];

    private static Augmentation ScoreAug(ScoreAugOptions options, VolumeShape? grid = null) =>
        ((IAugmentation<ScoreAugOptions>)new ScoreAugAugmentation())
            .Create(options, new DiffusionShape(grid ?? Cube, grid ?? Cube, 1), Contexts.Cpu);

    // every voxel has a value of its own, none of them 0
    private static Tensor Numbered(VolumeShape? grid = null) =>
        (arange(S((grid ?? Cube).Elements), ScalarType.Float32) + S(1.0)).view((grid ?? Cube).Batch(1));

    /// <summary>Draws of the transform of a volume and the ω that comes with it.</summary>
    private static IEnumerable<(Tensor Volume, float[] Omega)> Draws(ScoreAugOptions options, int count, VolumeShape? grid = null)
    {
        using var random = new Generator(1, CPU);
        var augmentation = ScoreAug(options, grid);
        for (var draw = 0; draw < count; draw++)
        {
            using var scope = NewDisposeScope();
            var drawn = augmentation.Apply(Terms.Of(Numbered(grid)), Terms.Flow, random).Single();
            yield return (drawn.Clean, drawn.Omega!.data<float>().ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Modes), DisableDiscoveryEnumeration = true)]
    public void Sample_noise_target_and_condition_go_through_the_same_transform(ScoreAugOptions options)
    {
        using var random = new Generator(1, CPU);
        var augmentation = ScoreAug(options);
        for (var draw = 0; draw < 50; draw++)
        {
            using var scope = NewDisposeScope();
            var term = Terms.Of(randn(Cube.Batch(2))) with { Weight = 0.5 };
            var drawn = augmentation.Apply(term, Terms.Flow, random).Single();
            Terms.AssertConsistent(drawn);
            Assert.Equal(0, Reference.Difference(drawn.Condition!, drawn.Noisy));
            Assert.Same(term.Timesteps, drawn.Timesteps);
            Assert.Equal(0.5, drawn.Weight);
        }
    }

    [Theory]
    [MemberData(nameof(Modes), DisableDiscoveryEnumeration = true)]
    public void Omega_is_zero_where_nothing_was_done_and_only_there(ScoreAugOptions options)
    {
        using var scope = NewDisposeScope();
        var numbered = Numbered();
        foreach (var (volume, omega) in Draws(options, 100))
            Assert.Equal(omega.All(element => element == 0), Reference.Difference(volume, numbered) == 0);
    }

    // reads ω by the table of the original and does by index arithmetic what it says
    [Fact]
    public void Omega_tells_the_turn_the_mirror_image_and_the_shift()
    {
        var seen = new HashSet<string>();
        foreach (var (volume, omega) in Draws(new ScoreAugOptions { Translation = true, Compose = true }, 300))
        {
            var (actual, n) = (volume.data<float>().ToArray(), Cube.Height);
            var turns = (int)Math.Round(omega[10] * 3);
            var (rows, columns) = ((int)Math.Round(omega[12] * n), (int)Math.Round(omega[13] * n));
            for (var (i, d) = (0, 0); d < n; d++)
                for (var h = 0; h < n; h++)
                    for (var w = 0; w < n; w++, i++)
                    {
                        var (sd, sh, sw) = (d, h - rows, w - columns);
                        if (sh < 0 || sh >= n || sw < 0 || sw >= n)
                        {
                            Assert.Equal(0, actual[i]);
                            continue;
                        }

                        for (var turn = 0; turn < turns; turn++)
                            (sh, sw) = (sw, n - 1 - sh);
                        (sd, sh, sw) = (Reflect(7, sd), Reflect(8, sh), Reflect(9, sw));
                        Assert.Equal((sd * n + sh) * n + sw + 1, actual[i]);
                    }

            Assert.Equal(turns > 0 ? 1 : 0, omega[4]);
            Assert.Equal((0, 0, 0), (omega[5], omega[6], omega[11]));
            Assert.Equal(omega[0], omega[4..10].Sum());
            Assert.Equal(omega[1], rows != 0 || columns != 0 ? 1 : 0);
            Assert.All(omega[14..], element => Assert.Equal(0, element));
            seen.Add($"{turns} {string.Join(' ', omega[7..10])}");

            int Reflect(int element, int place) => omega[element] == 1 ? n - 1 - place : place;
        }

        Assert.Equal(7, seen.Count); // three turns, three mirror images, neither
    }

    [Fact]
    public void Shifts_are_all_those_within_a_fifth_of_the_rows_and_two_fifths_of_the_columns_but_none()
    {
        var shifts = Draws(Nothing with { Translation = true }, 1500)
            .Where(draw => draw.Omega[1] == 1)
            .Select(draw => ((int)Math.Round(draw.Omega[12] * 10), (int)Math.Round(draw.Omega[13] * 10)))
            .CountBy(shift => shift)
            .ToDictionary();
        Assert.Equal(5 * 9 - 1, shifts.Count);
        Assert.All(shifts.Keys, shift => Assert.True(Math.Abs(shift.Item1) <= 2 && Math.Abs(shift.Item2) <= 4));
        Assert.True(shifts.Values.Max() < 4 * 750 / 44);
    }

    [Fact]
    public void Cut_out_box_is_as_large_as_omega_says_and_anywhere()
    {
        var places = new HashSet<int>();
        var options = Nothing with { Cutout = true, Compose = true, Probability = 1 };
        foreach (var (volume, omega) in Draws(options, 200, new VolumeShape(1, 10, 20, 30)))
        {
            int[] size = [(int)Math.Round(omega[16] * 10), (int)Math.Round(omega[14] * 20), (int)Math.Round(omega[15] * 30)];
            Assert.InRange(size[0], 1, 3);
            Assert.InRange(size[1], 2, 6);
            Assert.InRange(size[2], 3, 9);
            var holes = volume[0, 0].eq(S(0.0)).nonzero();
            Assert.Equal(size[0] * size[1] * size[2], holes.shape[0]);
            for (var axis = 0; axis < 3; axis++)
                Assert.Equal(size[axis] - 1, holes[.., axis].max().item<long>() - holes[.., axis].min().item<long>());
            places.Add((int)holes[0, 2].item<long>());
            Assert.Equal((1f, 3), (omega[2], omega.Count(element => element is > 0 and < 1)));
        }

        Assert.True(places.Count > 15);
    }

    [Fact]
    public void Each_sample_of_a_batch_is_transformed_and_described_alike()
    {
        using var random = new Generator(1, CPU);
        var augmentation = ScoreAug(new ScoreAugOptions { Translation = true, Cutout = true, Patterns = true });
        for (var draw = 0; draw < 30; draw++)
        {
            using var scope = NewDisposeScope();
            var drawn = augmentation.Apply(Terms.Of(Numbered().repeat(3, 1, 1, 1, 1)), Terms.Flow, random).Single();
            Assert.Equal([3L, 36L], drawn.Omega!.shape);
            for (var sample = 1; sample < 3; sample++)
            {
                Assert.Equal(0, Reference.Difference(drawn.Clean[sample], drawn.Clean[0]));
                Assert.True(drawn.Omega[sample].eq(drawn.Omega[0]).all().item<bool>());
            }
        }
    }

    [Fact]
    public void One_of_the_transforms_or_none_is_drawn_and_each_is_as_likely()
    {
        float[][] draws = [.. Draws(new ScoreAugOptions { Translation = true, Cutout = true }, 1200).Select(draw => draw.Omega)];
        Assert.All(draws, omega => Assert.True(omega[..4].Sum() <= 1));
        Assert.Equal(0.25, draws.Average(omega => 1 - omega[..4].Sum()), 0.05);
        for (var flag = 0; flag < 3; flag++)
            Assert.Equal(0.25, draws.Average(omega => omega[flag]), 0.05);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void Composed_transforms_are_drawn_independently_with_the_probability(double probability)
    {
        float[][] draws =
        [
            .. Draws(
                new ScoreAugOptions { Translation = true, Cutout = true, Compose = true, Probability = probability },
                800).Select(draw => draw.Omega),
        ];
        for (var flag = 0; flag < 3; flag++)
            Assert.Equal(probability, draws.Average(omega => omega[flag]), 0.06);
        Assert.Equal(Math.Pow(probability, 3), draws.Average(omega => omega[0] * omega[1] * omega[2]), 0.06);
    }

    [Theory]
    [InlineData(0.5, 0.5, 0.5)]
    [InlineData(0.2, 0.8, 0.9)]
    public void With_patterns_at_most_one_box_or_pattern_follows_what_is_harmless(double probability, double destructive, double share)
    {
        var options = new ScoreAugOptions
        {
            Translation = true, Cutout = true, Patterns = true, Probability = probability, DestructiveProbability = destructive,
            PatternShare = share,
        };
        float[][] draws = [.. Draws(options, 800).Select(draw => draw.Omega)];
        Assert.All(draws, omega => Assert.True(omega[2] + omega[3] <= 1));
        Assert.Equal(probability, draws.Average(omega => omega[0]), 0.06);
        Assert.Equal(probability, draws.Average(omega => omega[1]), 0.06);
        Assert.Equal(destructive * (1 - share), draws.Average(omega => omega[2]), 0.06);
        Assert.Equal(destructive * share, draws.Average(omega => omega[3]), 0.06);
    }

    [Theory]
    [InlineData(true, false, 3)]
    [InlineData(false, true, 3)]
    [InlineData(true, true, 6)]
    public void Rotation_and_flip_choose_the_symmetries(bool rotation, bool flip, int expected) =>
        Assert.Equal(expected, Draws(new ScoreAugOptions { Rotation = rotation, Flip = flip, Compose = true, Probability = 1 }, 100)
            .Select(draw => string.Join(' ', draw.Omega)).Distinct().Count());

    [Fact]
    public void Without_cutout_it_is_always_a_pattern() =>
        Assert.All(
            Draws(Nothing with { Patterns = true, DestructiveProbability = 1 }, 50),
            draw => Assert.Equal((0f, 1f), (draw.Omega[2], draw.Omega[3])));

    [Fact]
    public void Without_omega_the_denoiser_is_told_nothing()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var silent = ScoreAug(Nothing with { Translation = true, Omega = false });
        Assert.Equal(0, silent.OmegaSize);
        Assert.Equal(36, ScoreAug(Nothing with { Translation = true }).OmegaSize);
        for (var draw = 0; draw < 10; draw++)
            Assert.Null(silent.Apply(Terms.Of(Numbered()), Terms.Flow, random).Single().Omega);
    }

    public static TheoryData<ScoreAugOptions, VolumeShape, string> Refused => new()
    {
        { new ScoreAugOptions { Omega = false, Flip = false }, Cube, "omega" },
        { new ScoreAugOptions { Omega = false, Rotation = false }, Cube, "omega" },
        { Nothing, Cube, "rotation" },
        { new ScoreAugOptions(), Cube with { Width = 8 }, "rotation" },
        { new ScoreAugOptions { Compose = true, Patterns = true }, Cube, "compose" },
        { new ScoreAugOptions { Translation = true }, new VolumeShape(4, 2, 2, 2), "translation" },
        { new ScoreAugOptions { Patterns = true }, new VolumeShape(4, 4, 7, 7), "patterns" },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_cannot_work_or_would_do_nothing_is_refused(ScoreAugOptions options, VolumeShape grid, string key) =>
        Assert.Equal(key, Assert.Throws<PlanException>(() => ScoreAug(options, grid)).Key);
}
