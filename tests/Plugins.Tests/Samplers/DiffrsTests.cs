using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class DiffrsTests
{
    private const double Never = -1e9;
    private static readonly long[] Shape = [1, 1, 4, 4, 4];
    private static readonly DiffrsOptions Four = new() { Steps = 4, IterWarmup = 1 };

    // judgements of the warm-up with four steps: noise, three places, the finished sample
    private const int WarmUp = 5;

    // the model puts four tenths of its samples on the left, where the data have one tenth of theirs
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void Samples_of_a_mixture_come_nearer_to_the_data(int backsteps)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var (data, model) = (new Mixture(0.1), new Mixture(0.4));
        var task = Task(randn([600, 1, 1, 1, 1]), model.Velocity, random) with
        {
            LogDensityRatio = (x, t) => data.LogDensity(x, t) - model.LogDensity(x, t),
        };
        var sampler = Create(new() { Steps = 20, Backsteps = backsteps, IterWarmup = 2 });

        var plain = Left(((ISampler<EulerOptions>)new EulerSampler()).Create(new() { Steps = 20 }, Contexts.Cpu).Sample(task));
        var rejected = Left(sampler.Sample(task));

        Assert.InRange(plain, 0.35, 0.45);
        Assert.True(
            Math.Abs(rejected - 0.1) < Math.Abs(plain - 0.1) / 2, $"{rejected} of the samples are on the left, {plain} without rejections");

        static double Left(Tensor samples) => samples.lt(S(0.0)).to(ScalarType.Float32).mean().ToDouble();
    }

    [Fact]
    public void Samples_that_are_kept_cost_no_more_than_the_warm_up()
    {
        var sampler = Create(Four with { IterWarmup = 3 });
        var first = Run(sampler, _ => 0);
        Assert.Equal(((3 + 1) * 4, (3 + 1) * WarmUp), (first.Times.Count, first.Judged.Count));
        var second = Run(sampler, _ => 0);
        Assert.Equal([1000, 750, 500, 250], second.Times);
        // a finished sample is judged at the least noise of the grid
        Assert.Equal([1000, 750, 500, 250, 250], second.Judged);
    }

    [Fact]
    public void Thresholds_that_were_learned_from_samples_apart_decide_and_cost_a_volume_nothing()
    {
        // three samples of log-ratios 10·sample + place: levels are the 0.75 quantile of 0, 10, 20, which is 15, and the place; growth is 1
        var sampler = Create(Four with { IterWarmup = 3, WarmupSeed = 7 });
        Assert.Equal((3, 7L), (sampler.WarmUpSamples, sampler.WarmUpSeed));
        double[][] observed = [.. Enumerable.Range(0, 3).Select(sample => Observe(sampler, place => 10 * sample + place))];
        Assert.Equal([10.0, 11, 12, 13, 14], observed[1]);

        var learned = sampler.Learn(observed);

        Assert.Equal([15.0, 16, 17, 18, 19, 0, 1, 1, 1, 1], learned);
        var run = Run(sampler, judgement => 100 + 2 * judgement, learned: learned);
        Assert.Equal((4, 5), (run.Times.Count, run.Judged.Count)); // what grows by more than was usual is kept at once
    }

    [Theory]
    [InlineData(1, new[] { 1000.0, 750, 750, 500, 250 }, new[] { 1000.0, 750, 500, 750, 500, 250, 250 })]
    [InlineData(2, new[] { 1000.0, 750, 1000, 750, 500, 250 }, new[] { 1000.0, 750, 500, 1000, 750, 500, 250, 250 })]
    [InlineData(0, new[] { 1000.0, 750, 500, 250 }, new[] { 1000.0, 750, 500, 500, 250, 250 })]
    public void Rejected_step_goes_back_by_backsteps(int backsteps, double[] called, double[] judged)
    {
        var run = Run(Create(Four with { Backsteps = backsteps }), judgement => judgement == WarmUp + 2 ? Never : 0);
        Assert.Equal(called, run.Times.Skip(4));
        Assert.Equal(judged, run.Judged.Skip(WarmUp));
    }

    [Fact]
    public void Rejected_noise_is_drawn_anew_without_a_network_call()
    {
        using var scope = NewDisposeScope();
        var (kept, redrawn) = (Run(Create(Four), _ => 0), Run(Create(Four), judgement => judgement == WarmUp ? Never : 0));
        Assert.Equal(kept.Times, redrawn.Times);
        Assert.Equal(kept.Noise, kept.Seen[4]);
        Assert.NotEqual(redrawn.Noise, redrawn.Seen[4]);
    }

    // an exact network for one point: where a sample comes back to, it must have the process's own moments
    [Fact]
    public void Rejected_sample_is_noised_as_the_process_does()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var (process, judgements, checkedAgain) = (Flow(), 0, 0);
        var exact = Exact(process, tensor(2f), 0);
        Create(Four).Sample(Task(randn([1, 1, 32, 32, 32]), (x, t) =>
        {
            Assert.Equal(2 * process.Alpha(t), x.mean().ToDouble(), 0.03);
            Assert.Equal(process.Sigma(t), x.std().ToDouble(), 0.02 * process.Sigma(t));
            checkedAgain++;
            return exact(x, t);
        }, random) with { LogDensityRatio = (_, _) => tensor([judgements++ == WarmUp + 2 ? Never : 0]) });
        Assert.Equal(4 + 5, checkedAgain);
    }

    [Fact]
    public void Samples_of_a_batch_go_back_each_for_itself()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var judgements = 0;
        var task = Task(randn([2, 1, 4, 4, 4]), (x, _) => x.sin(), random) with
        {
            LogDensityRatio = (_, _) => tensor([0, judgements++ == WarmUp + 2 ? Never : 0]),
        };
        var rejected = Create(Four).Sample(task);
        var plain = ((ISampler<EulerOptions>)new EulerSampler()).Create(new() { Steps = 4 }, Contexts.Cpu).Sample(task);
        Assert.True(Reference.Difference(rejected[0], plain[0]) < 1e-6);
        Assert.True(Reference.Difference(rejected[1], plain[1]) > 1e-2);
    }

    [Fact]
    public void Sample_that_took_max_iter_calls_begins_anew()
    {
        // 1000 and 750, back, 750 and 500: four calls, and not done
        var run = Run(Create(Four with { MaxIter = 4 }), judgement => judgement == WarmUp + 2 ? Never : 0);
        Assert.Equal([1000, 750, 750, 500, 1000, 750, 500, 250], run.Times.Skip(4));
    }

    [Fact]
    public void Discriminator_that_likes_nothing_holds_no_sample_for_ever()
    {
        var run = Run(Create(Four with { Backsteps = 0 }), judgement => judgement < WarmUp ? 0 : Never);
        Assert.Equal((2 * 4, WarmUp + 5 * 100), (run.Times.Count, run.Judged.Count));
    }

    // with ratios of −1 and of 1 in the warm-up, the least of them keeps every sample of −1; the largest keeps its
    // noise with probability e⁻² only
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Percentile_decides_what_is_kept_for_certain(double percentile, bool rejects)
    {
        var run = Run(Create(Four with { RejPercentile = percentile, IterWarmup = 2 }), judgement => judgement switch
        {
            < WarmUp => -1,
            < 2 * WarmUp => 1,
            _ => -1,
        });
        Assert.Equal(rejects, run.Judged.Count > 3 * WarmUp);
    }

    [Fact]
    public void Same_random_stream_gives_the_same_sample()
    {
        using var scope = NewDisposeScope();
        Func<int, double> moody = judgement => judgement % 3 - 1;
        Assert.Equal(Run(Create(Four), moody).Sample, Run(Create(Four), moody).Sample);
    }

    [Fact]
    public void Task_without_a_discriminator_is_refused()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var error = Assert.Throws<PlanException>(() => Create(Four).Sample(Task(randn(Shape), (x, _) => x, random)));
        Assert.Equal("use", error.Key);
        Assert.Contains("train-diffrs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fewer_calls_than_steps_are_refused() =>
        Assert.Equal("max_iter", Assert.Throws<PlanException>(() => Create(new() { Steps = 25, MaxIter = 24 })).Key);

    [Fact]
    public void Cancellation_stops_between_judgements()
    {
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(Create(Four), judgement =>
        {
            if (judgement == WarmUp + 7)
                source.Cancel();
            return judgement < WarmUp ? 0 : Never;
        }, source));
    }

    /// <summary>Samples one volume of a network that returns zeros.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="judge">The log-ratio by the number of the judgement, from 0.</param>
    /// <param name="cancellation">Stops it.</param>
    private static Outcome Run(
        Sampler sampler, Func<int, double> judge, CancellationTokenSource? cancellation = null, double[]? learned = null)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var noise = randn(Shape);
        Outcome outcome = new([], [], [], noise.data<float>().ToArray());
        var sample = sampler.Sample(Task(noise, (x, t) =>
        {
            outcome.Times.Add(t);
            outcome.Seen.Add(x.data<float>().ToArray());
            return zeros_like(x);
        }, random) with
        {
            LogDensityRatio = (_, t) =>
            {
                outcome.Judged.Add(t);
                return tensor([judge(outcome.Judged.Count - 1)]);
            },
            Learned = learned,
            Cancellation = cancellation?.Token ?? CancellationToken.None,
        });
        return outcome with { Sample = sample.data<float>().ToArray() };
    }

    private static double[] Observe(Sampler sampler, Func<int, double> judge)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var judged = 0;
        return sampler.Observe(Task(randn(Shape), (x, _) => zeros_like(x), random) with
        {
            LogDensityRatio = (_, _) => tensor([judge(judged++)]),
        });
    }

    private static Sampler Create(DiffrsOptions options) => ((ISampler<DiffrsOptions>)new DiffrsSampler()).Create(options, Contexts.Cpu);

    private static SamplingTask Task(Tensor noise, Predictor predict, Generator random) =>
        new() { Noise = noise, Process = Flow(), Predict = predict, Random = random };

    private sealed record Outcome(List<double> Times, List<double> Judged, List<float[]> Seen, float[] Noise)
    {
        public float[] Sample { get; init; } = [];
    }

    /// <summary>Two normal distributions of deviation 0.2 around −1 and 1, one voxel each, on the way of rectified flow.</summary>
    /// <param name="left">The share of the one around −1.</param>
    private sealed class Mixture(double left)
    {
        private const double Variance = 0.04;

        /// <summary>ln p_t(x), but for a number that all mixtures have in common, <c>[B]</c>.</summary>
        public Tensor LogDensity(Tensor x, double t) => LogShares(x, t).logsumexp(0).view(-1);

        /// <summary>The exact velocity E[x0 − ε | x].</summary>
        public Tensor Velocity(Tensor x, double t)
        {
            var (alpha, sigma) = (1 - t / 1000, t / 1000);
            var shares = LogShares(x, t).softmax(0); // [2, B, 1, 1, 1, 1]
            var clean = zeros_like(x, ScalarType.Float64);
            foreach (var (i, mean) in Means)
                clean = clean + shares[i] * ((x - S(alpha * mean)) * S(alpha * Variance / Spread(t)) + S(mean));
            return (clean - (x - clean * S(alpha)) / S(sigma)).to(ScalarType.Float32);
        }

        private static (int, double)[] Means => [(0, -1), (1, 1)];

        private static double Spread(double t) => Math.Pow(1 - t / 1000, 2) * Variance + Math.Pow(t / 1000, 2);

        private Tensor LogShares(Tensor x, double t) => stack([.. Means.Select(m =>
            (x.to(ScalarType.Float64) - S((1 - t / 1000) * m.Item2)).square() * S(-0.5 / Spread(t))
                + S(Math.Log(m.Item1 == 0 ? left : 1 - left)))]);
    }
}
