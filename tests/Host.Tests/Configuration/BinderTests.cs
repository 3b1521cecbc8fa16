using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class BinderTests
{
    [Fact]
    public void Every_type_is_bound()
    {
        var options = Bind<Options>(
            """
            num_steps: 7
            seed: 9223372036854775807
            rate: 1e-4
            use_ema: true
            name: 12
            law: logit_normal
            limit: null
            channels: [1, 2]
            factors: [[1, 2], [3]]
            inner: {depth: 3}
            weights: {dice: 0.5, mse: 2}
            spacing: {depth: 1, height: 2, width: 0.5}
            """);

        Assert.Equal(
            (7, long.MaxValue, 1e-4, true, "12", Law.LogitNormal, (int?)null),
            (options.NumSteps, options.Seed, options.Rate, options.UseEma, options.Name, options.Law, options.Limit));
        Assert.Equal([1, 2], options.Channels);
        Assert.Equal([[1, 2], [3]], options.Factors);
        Assert.Equal(new Inner { Depth = 3 }, options.Inner);
        Assert.Equal(new Dictionary<string, double> { ["dice"] = 0.5, ["mse"] = 2 }, options.Weights);
        Assert.Equal(new Spacing(1, 2, 0.5), options.Spacing);
    }

    [Fact]
    public void Absent_keys_keep_their_defaults() =>
        Assert.Equal(
            (3, 4, Law.Uniform),
            (Bind<Options>("rate: 1").NumSteps, Bind<Options>("inner: {name: x}").Inner.Depth, Binder.Bind<Options>(null).Law));

    [Theory]
    [InlineData("\nnum_stepz: 1", "f.yaml:2:1: unknown key `num_stepz`; did you mean `num_steps`?")]
    [InlineData("inner: {depht: 1}", "f.yaml:1:9: unknown key `depht`; did you mean `depth`? (allowed: depth, name)")]
    [InlineData("NumSteps: 1", "f.yaml:1:1: unknown key `NumSteps`; did you mean `num_steps`?")]
    [InlineData("num_steps: 1.5", "f.yaml:1:12: `num_steps` is the number 1.5, expected an integer")]
    [InlineData("num_steps: \"1\"", "f.yaml:1:12: `num_steps` is the text `1`, expected an integer")]
    [InlineData("num_steps: 3000000000", "f.yaml:1:12: `num_steps` is the number 3000000000, expected an integer of 32 bits")]
    [InlineData("num_steps:", "f.yaml:1:11: `num_steps` is nothing, expected an integer")]
    [InlineData("num_steps: [1]", "f.yaml:1:12: `num_steps` is a list, expected an integer")]
    [InlineData("rate: fast", "f.yaml:1:7: `rate` is the text `fast`, expected a number")]
    [InlineData("rate: .nan", "f.yaml:1:7: `rate` is the number .nan, expected a number")]
    [InlineData("rate: 1e999", "f.yaml:1:7: `rate` is the number 1e999, expected a number that fits 64 bits")]
    [InlineData("use_ema: yes", "f.yaml:1:10: `use_ema` is the text `yes`, expected true or false")]
    [InlineData(
        "law: logitnormal",
        "f.yaml:1:6: `law` is the text `logitnormal`, expected one of uniform, logit_normal; did you mean `logit_normal`?")]
    [InlineData("law: 1", "f.yaml:1:6: `law` is the number 1, expected one of uniform, logit_normal")]
    [InlineData("channels: 8", "f.yaml:1:11: `channels` is the number 8, expected a list")]
    [InlineData("channels: [1, x]", "f.yaml:1:15: `channels.1` is the text `x`, expected an integer")]
    [InlineData("inner: 3", "f.yaml:1:8: `inner` is the number 3, expected a section")]
    [InlineData("num_steps: 0", "f.yaml:1:12: `num_steps` is 0, must be at least 1 and at most 1000")]
    [InlineData("rate: 1.4", "f.yaml:1:7: `rate` is 1.4, must be at least 0 and at most 1")]
    [InlineData("channels: [1, 0]", "f.yaml:1:15: `channels.1` is 0, must be at least 1")]
    [InlineData("factors: []", "f.yaml:1:10: `factors` is a list of 0, must have at least 1 items")]
    [InlineData("pair: [1, 2, 3]", "f.yaml:1:7: `pair` is a list of 3, must have at most 2 items")]
    [InlineData("patch: 3", "f.yaml:1:8: `patch` is the number 3, expected one of 1, 2, 4")]
    [InlineData("[1]", "f.yaml:1:1: expected a section with keys, found a list")]
    public void Value_that_does_not_fit_is_refused_where_it_stands(string yaml, string message)
    {
        var e = Assert.Throws<ConfigurationException>(() => Bind<Options>(yaml));

        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void First_mistake_in_the_file_is_the_one_reported()
    {
        var e = Assert.Throws<ConfigurationException>(() => Bind<Options>("rate: 7\nnonsense: 1\nnum_steps: x"));

        Assert.StartsWith("f.yaml:1:7: `rate`", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Required_key_that_is_absent_is_refused()
    {
        var e = Assert.Throws<ConfigurationException>(() => Bind<Strict>("\n  other: 1"));

        Assert.Equal("f.yaml:2:3: the key `root` is missing", e.Message);
    }

    [Fact]
    public void Preset_fills_what_the_section_leaves_out()
    {
        var options = Bind<Sized>("depth: 3\nvariant: b");

        Assert.Equal(new Sized { Depth = 3, Width = 768 }, options);
        Assert.Equal(12, Sized.Presets["B"].Depth);
    }

    [Fact]
    public void Unknown_preset_is_refused_with_the_names()
    {
        var e = Assert.Throws<ConfigurationException>(() => Bind<Sized>("variant: XL"));

        Assert.Equal("f.yaml:1:10: `variant` is the text `XL` (allowed: B, S)", e.Message);
    }

    [Fact]
    public void Part_section_is_split_between_engine_and_part()
    {
        var (engine, part) = Binder.BindPart<Engine>(Parse("use: euler\nsteps: 25\ncount: 2"), typeof(Euler));

        Assert.Equal((2, 25), (engine.Count, ((Euler)part).Steps));
    }

    [Theory]
    [InlineData("use: euler\ncuont: 2", "`count`")]
    [InlineData("use: euler\nstep: 2", "`steps`")]
    public void Unknown_key_of_a_part_section_is_compared_with_both(string yaml, string nearest)
    {
        var e = Assert.Throws<ConfigurationException>(() => Binder.BindPart<Engine>(Parse(yaml), typeof(Euler)));

        Assert.Contains($"did you mean {nearest}? (allowed: count, steps)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Section_without_a_part_is_refused()
    {
        var e = Assert.Throws<ConfigurationException>(() => Binder.PartOf(Parse("steps: 1")));

        Assert.Equal("f.yaml:1:1: the section names no part; add `use: ID`", e.Message);
    }

    [Theory]
    [InlineData("patch_size", "f.yaml:3:1: no")]
    [InlineData("depth", "f.yaml:2:1: no")]
    [InlineData(null, "f.yaml:2:1: no")]
    public void Parts_refusal_is_placed_at_its_key(string? key, string message)
    {
        var section = Parse("\nuse: dit\npatch_size: 2");

        Assert.Equal(
            message, Assert.Throws<ConfigurationException>(() => section.Placed<int>(() => throw new PlanException("no", key))).Message);
    }

    private static Node Parse(string yaml) => YamlReader.Parse(yaml, "f.yaml");

    private static T Bind<T>(string yaml)
        where T : class => Binder.Bind<T>(Parse(yaml));

    private enum Law
    {
        Uniform,
        LogitNormal,
    }

    private sealed record Inner
    {
        public int Depth { get; init; } = 4;

        public string Name { get; init; } = "";
    }

    private sealed record Options
    {
        [Range(1, 1000)]
        public int NumSteps { get; init; } = 3;

        public long Seed { get; init; }

        // integer limits on a real number: RangeAttribute itself would round 1.4 to 1
        [Range(0, 1)]
        public double Rate { get; init; }

        public bool UseEma { get; init; }

        public string Name { get; init; } = "";

        public Law Law { get; init; }

        public int? Limit { get; init; } = 5;

        [Range(1, int.MaxValue)]
        public IReadOnlyList<int> Channels { get; init; } = [];

        [MinLength(1)]
        public int[][] Factors { get; init; } = [];

        [MaxLength(2)]
        public IReadOnlyList<int> Pair { get; init; } = [];

        public Inner Inner { get; init; } = new();

        public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

        public Spacing Spacing { get; init; }

        [AllowedValues(1, 2, 4)]
        public int Patch { get; init; } = 1;
    }

    private sealed record Strict
    {
        public required string Root { get; init; }

        public int Other { get; init; }
    }

    private sealed record Sized : IPresets<Sized>
    {
        public static string PresetKey => "variant";

        public static IReadOnlyDictionary<string, Sized> Presets { get; } =
            new Dictionary<string, Sized> { ["S"] = new() { Depth = 12, Width = 384 }, ["B"] = new() { Depth = 12, Width = 768 } };

        public int Depth { get; init; }

        public int Width { get; init; }
    }

    private sealed record Engine
    {
        public int Count { get; init; }
    }

    private sealed record Euler
    {
        public int Steps { get; init; }
    }
}
