using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data.Synthesis;

public sealed class CohortSynthesizerTests(SyntheticCohort synthetic) : IClassFixture<SyntheticCohort>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static SynthesisOptions OnePatient => SyntheticCohort.Options with { Train = 1, Val = 0, Test = 0 };

    public void Dispose() => _folder.Dispose();

    private static bool Same(CohortPatient a, CohortPatient b) =>
        ImageKinds.Original.All(kind => File.ReadAllBytes(a.File(kind)).AsSpan().SequenceEqual(File.ReadAllBytes(b.File(kind))));

    private SynthesizedCohort Run(SynthesisOptions options, string name) =>
        CohortSynthesizer.Run(options, Path.Combine(_folder.Path, name), stop: TestContext.Current.CancellationToken);

    [Fact]
    public void Same_seed_gives_the_same_bytes_whatever_else_is_in_the_cohort()
    {
        var alone = Cohort.Open(Run(OnePatient, "alone").Folder).Patients[0];
        Assert.True(Same(synthetic.Cohort.Of("train")[0], alone));
    }

    [Fact]
    public void Other_seed_gives_another_patient()
    {
        var other = Cohort.Open(Run(OnePatient with { Seed = 43 }, "other").Folder).Patients[0];
        Assert.All(
            ImageKinds.Original,
            kind => Assert.NotEqual(SyntheticCohort.Image(synthetic.Cohort.Of("train")[0], kind), SyntheticCohort.Image(other, kind)));
    }

    [Fact]
    public void Cohort_is_complete_and_sound()
    {
        Assert.Equal(
            ["train_000", "train_001", "train_002", "val_000", "test_000"], synthetic.Cohort.Patients.Select(patient => patient.Name));
        Assert.Empty(CohortCheck.Run(synthetic.Cohort, ImageKinds.Original));
    }

    [Fact]
    public void Report_counts_the_tumours_of_the_masks()
    {
        var counts = TumourSizes.Count(synthetic.Cohort.Patients.SelectMany(patient =>
            TumourSizes.Diameters(SyntheticCohort.Image(patient, "seg"), synthetic.Made.Shape, synthetic.Made.Spacing)));
        Assert.Equal(counts, synthetic.Made.Tumours);
        Assert.InRange(counts.Sum(), 10, 25);
    }

    [Fact]
    public void Tumours_lie_in_the_brain()
    {
        foreach (var patient in synthetic.Cohort.Patients)
        {
            var (seg, bravo) = (SyntheticCohort.Image(patient, "seg"), SyntheticCohort.Image(patient, "bravo"));
            Assert.All(seg.Zip(bravo).Where(voxel => voxel.First == 1), voxel => Assert.True(voxel.Second > 0));
        }
    }

    [Fact]
    public void Spacing_follows_the_size_and_agrees_with_the_options_of_training()
    {
        var header = NiftiFile.ReadHeader(synthetic.Cohort.Patients[0].File("flair"));
        Assert.Equal([3.75, 3.75, 4.6875], header.Spacing);
        var training = new DataOptions { Depth = 32, OriginalDepth = 32, Height = 64, Width = 64, SlicePitch = 4.6875 };
        Assert.Equal(training.Spacing, SyntheticCohort.Options.Spacing);
        Assert.Equal(new Spacing(1, 0.9375, 0.9375), new SynthesisOptions().Spacing);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Slices_are_nose_up_and_the_affine_knows_it(int mirrored)
    {
        var path = synthetic.Cohort.Patients[0].File("bravo");
        var (made, head) = (NiftiFile.Read(path), NiftiFile.Read(Path.Combine(SyntheticCohort.Options.Source, "ch2bet.nii.gz")));
        Assert.Equal((-3.75, -3.75, 4.6875), (made.Header.Affine[1][0], made.Header.Affine[0][1], made.Header.Affine[2][2]));
        Assert.True(Agreement(made, head, -1) > Agreement(made, head, mirrored));
    }

    /// <summary>Correlation of the patient with the head at equal places in mm, one axis mirrored, or none.</summary>
    private static double Agreement(NiftiVolume made, NiftiVolume head, int mirrored)
    {
        // the middle of the head's brain, of which the patient's is a little smaller
        double[] middle = [90 - 0.5, 108.5, 79.5];
        var (shape, affine) = (made.Header.Shape, made.Header.Affine);
        var pairs = new List<(double X, double Y)>();
        for (var i = 0; i < made.Intensities.Length; i++)
        {
            double[] voxel = [i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1])];
            var at = new int[3];
            for (var axis = 0; axis < 3; axis++)
            {
                var mm = affine[axis][3] + affine[axis].Take(3).Zip(voxel, (a, v) => a * v).Sum();
                at[axis] = (int)Math.Round(middle[axis] + mm * (axis == mirrored ? -1 : 1) / 0.96);
            }

            if (at.Zip(head.Header.Shape).All(place => place.First >= 0 && place.First < place.Second))
                pairs.Add((
                    made.Intensities.Span[i],
                    head.Intensities.Span[at[0] + head.Header.Shape[0] * (at[1] + head.Header.Shape[1] * at[2])]));
        }

        var (x, y) = (pairs.Average(pair => pair.X), pairs.Average(pair => pair.Y));
        return pairs.Sum(pair => (pair.X - x) * (pair.Y - y))
            / Math.Sqrt(pairs.Sum(pair => (pair.X - x) * (pair.X - x)) * pairs.Sum(pair => (pair.Y - y) * (pair.Y - y)));
    }

    [Fact]
    public void Folder_in_use_is_left_alone()
    {
        File.WriteAllText(_folder.File("mine/notes.txt"), "mine");
        var error = Assert.Throws<PlanException>(() => Run(OnePatient, "mine"));
        Assert.Contains("mine' is there already", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_folder.File("mine/notes.txt")));
    }

    [Fact]
    public void Head_that_is_not_there_is_named()
    {
        var error = Assert.Throws<PlanException>(() => Run(OnePatient with { Source = _folder.Path }, "cohort"));
        Assert.Contains("ch2bet.nii.gz' does not exist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stopped_synthesis_leaves_nothing()
    {
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            CohortSynthesizer.Run(SyntheticCohort.Options with { Train = 50 }, _folder.File("cohort"), _ => stop.Cancel(), stop.Token));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        var error = Assert.Throws<PlanException>(() => Run(OnePatient with { MinLesions = 9 }, "cohort"));
        Assert.Equal("min_lesions", error.Key);
    }
}
