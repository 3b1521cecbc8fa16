using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion.Sampling;

/// <summary>
/// A network that paints as many boxes of one tumour of the last bin as it is asked for in it, up to two, sampled by one call. Every
/// patient has one such tumour.
/// </summary>
[Collection(Alone.Name)]
public sealed class SizeBinSamplingTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private ExperimentPlan Plan(SamplingOptions sampling)
    {
        var painter = new FormulaArchitecture((noisy, _, conditioning, bias) =>
        {
            var asked = conditioning.Image!.narrow(1, 6, 1) * S(10.0); // maps are tenths
            var (first, second) = (zeros_like(noisy), zeros_like(noisy));
            first.narrow(2, 1, 3).narrow(3, 2, 1).narrow(4, 2, 3).fill_(S(0.8));
            second.narrow(2, 1, 3).narrow(3, 6, 1).narrow(4, 2, 3).fill_(S(0.8));
            return first * asked.gt(S(0.5)).to(ScalarType.Float32) + second * asked.gt(S(1.5)).to(ScalarType.Float32) + bias;
        });
        var draft = TinyRun.Draft(cohort, painter);
        return ExperimentPlan.Compose(draft with
        {
            Target = [ImageKinds.Seg],
            Condition = new ConditionOptions { SizeBins = new SizeBinOptions { Through = SizeBinRoute.Maps } },
            Sampler = TinyRun.Part<ISampler>("sampling", new OneCallSampler()),
            Sampling = sampling,
            Metrics = [],
            Training = draft.Training with { Epochs = 1, LearningRate = 1e-12, ValidationTimesteps = 1 },
        });
    }

    private IReadOnlyList<SampleRecord> Sample(ExperimentPlan plan, SizeBinLaw? law = null)
    {
        if (!Directory.Exists(_run.Folder.Checkpoints))
            _run.Train(plan);
        return _run.Use(plan, (trained, volumes) => new SampleWriter(plan, trained, volumes, law: law).Write(_run.Folder.Samples));
    }

    private int Tumours(string sample)
    {
        var mask = NiftiFile.Read(Path.Combine(_run.Folder.Samples, sample, "seg.nii.gz"));
        return TumourSizes.Diameters([.. mask.Turned()], new VolumeShape(1, TinyCohort.RealSlices, 8, 8), new Spacing(1, 30, 30)).Count;
    }

    [Fact]
    public void Bins_that_are_asked_for_take_the_place_of_the_patients()
    {
        var patients = Sample(Plan(new SamplingOptions { Count = 1 }));
        Assert.Equal((1, "test0"), (Tumours("00000"), patients[0].Condition));
        Assert.Equal([0, 0, 0, 0, 0, 0, 1], patients[0].RequestedBins!);

        var asked = Sample(Plan(new SamplingOptions { Count = 1, Bins = [0, 0, 0, 0, 0, 0, 2] }));

        Assert.Equal((2, null, "test0/seg"), (Tumours("00000"), asked[0].Condition, asked[0].AffineOf));
        Assert.Equal([0, 0, 0, 0, 0, 0, 2], asked[0].RequestedBins!);
        Assert.Equal([0, 0, 0, 0, 0, 0, 2], asked[0].MeasuredBins!);
    }

    [Fact]
    public void Bins_that_are_drawn_follow_from_seed_and_number()
    {
        var law = new SizeBinLaw([[0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 2]]);

        var drawn = Sample(Plan(new SamplingOptions { Count = 8, Seed = 4, BinsFrom = SizeBinSource.Law }), law);

        Assert.Equal(Enumerable.Range(0, 8).Select(number => law.Draw(4, number)[6]), drawn.Select(record => record.RequestedBins![6]));
        Assert.Equal(drawn.Select(record => record.RequestedBins![6]), drawn.Select(record => Tumours(record.Name)));
        Assert.Equal(2, drawn.Select(record => record.RequestedBins![6]).Distinct().Count());
    }

    [Fact]
    public void Evaluation_says_how_well_samples_keep_to_what_was_asked_for()
    {
        // three tumours are asked for and the network paints two at most
        var plan = Plan(new SamplingOptions { Count = 2, Bins = [0, 0, 0, 0, 0, 0, 3] });
        Sample(plan);

        var result = _run.Use(plan, (trained, test) =>
        {
            using var random = new RandomStreams(1);
            using var sets = new SetEvaluator(plan, TinyRun.Context(plan, random), () => [(Cohort.Test, test)]);
            Assert.Equal((true, false), (sets.Judges, sets.HasMetrics));
            return sets.Run(trained, GeneratedSet.Samples(_run.Folder, plan, trained.Sha256)!);
        });

        Assert.Equal(("samples", 2), (result.Source, result.Volumes));
        Assert.Equal(
            new SizeBinAdherence(2, 0, 12.0 / 14, 2.0 / 14, 1),
            result.Masks!.Adherence! with { Spearman = Math.Round(result.Masks.Adherence!.Spearman, 12) });
        var distances = Assert.Single(result.Masks.Distances);
        Assert.Equal((Cohort.Test, 2, 0.0, 1.0), (distances.Against, distances.RealVolumes, distances.Volume, distances.Count));
        Assert.Equal(0, result.Masks.Empty);
    }

    [Fact]
    public void Bins_that_are_none_are_refused()
    {
        PlanException Refused(SamplingOptions sampling) => Assert.Throws<PlanException>(() => Plan(sampling));

        Assert.Contains("give 7 from 0 to 10", Refused(new SamplingOptions { Bins = [1, 2] }).Message, StringComparison.Ordinal);
        Assert.Contains(
            "give 7 from 0 to 10", Refused(new SamplingOptions { Bins = [0, 0, 0, 0, 0, 0, 11] }).Message, StringComparison.Ordinal);
        Assert.Contains(
            "remove one of the two",
            Refused(new SamplingOptions { Bins = [0, 0, 0, 0, 0, 0, 1], BinsFrom = SizeBinSource.Law }).Message,
            StringComparison.Ordinal);
        var draft = TinyRun.Draft(cohort) with { Sampling = new SamplingOptions { BinsFrom = SizeBinSource.Law } };
        var other = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(draft));
        Assert.Equal(("sampling", "bins_from"), (other.Section, other.Key));
    }
}
