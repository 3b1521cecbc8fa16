using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;

namespace VoxelZoo.Engine.Tests.Data.Synthesis;

public sealed class MetastasisTests(MetastasisTests.TwoMillimetreHead head) : IClassFixture<MetastasisTests.TwoMillimetreHead>
{
    private static readonly SynthesisOptions Grid = SyntheticCohort.Options with { Depth = 75, Height = 128, Width = 128 };
    private static readonly VolumeShape Shape = new(1, Grid.Depth, Grid.Height, Grid.Width);

    private SyntheticPatient Patient(params int[] bins)
    {
        var patient = new SyntheticPatient(head.Head, Grid, new SeededRandom(5, "deformation"));
        var painter = new MetastasisPainter(patient, Grid.Spacing, new SeededRandom(5, "metastases"));
        foreach (var bin in bins)
            painter.Add(bin);
        return patient;
    }

    [Fact]
    public void Every_bin_is_made_where_the_grid_resolves_it()
    {
        var sizes = TumourSizes.Diameters(Patient(6, 5, 4, 3, 2, 1, 0).Mask, Shape, Grid.Spacing);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1], TumourSizes.Count(sizes));
    }

    [Theory]
    [InlineData("bravo", 1)]
    [InlineData("t1_gd", 1)]
    [InlineData("flair", 1)]
    [InlineData("t1_pre", -1)]
    public void Tumour_stands_out_from_its_surroundings(string kind, int brighter)
    {
        var patient = Patient(2, 2, 2);
        var brightness = patient.Brightness[Contrast.All.Select(contrast => contrast.Kind).ToList().IndexOf(kind)];
        var healthy = Patient().Brightness[Contrast.All.Select(contrast => contrast.Kind).ToList().IndexOf(kind)];
        var inside = Enumerable.Range(0, brightness.Length).Where(i => patient.Mask[i] == 1).ToArray();
        Assert.True(brighter * (inside.Average(i => brightness[i]) - inside.Average(i => healthy[i])) > 0.05);
    }

    [Fact]
    public void Oedema_reaches_beyond_the_mask_in_flair_alone()
    {
        var (ill, healthy) = (Patient(4), Patient());
        int Brighter(int kind) =>
            Enumerable.Range(0, ill.Mask.Length)
                .Count(i => ill.Mask[i] == 0 && ill.Brightness[kind][i] > healthy.Brightness[kind][i] + 0.2f);
        var size = ill.Mask.Count(voxel => voxel == 1);
        Assert.True(Brighter(1) > size / 2, $"{Brighter(1)} voxels around a tumour of {size}");
        Assert.True(Brighter(0) < Brighter(1));
    }

    [Fact]
    public void Tumours_sit_where_grey_meets_white()
    {
        var patient = Patient();
        Assert.NotEmpty(patient.Border);
        var bravo = Contrast.All[0];
        Assert.InRange(patient.Border.Average(i => patient.Brightness[0][i]), bravo.Grey, bravo.White);
    }

    [Theory]
    [InlineData("bravo", true)]
    [InlineData("t1_pre", true)]
    [InlineData("t1_gd", true)]
    [InlineData("flair", false)]
    public void Tissues_have_the_order_of_the_sequence(string kind, bool whiteAboveGrey)
    {
        var contrast = Contrast.All.Single(c => c.Kind == kind);
        var (csf, grey, white) = (contrast.Of(SourceHead.Csf), contrast.Of(SourceHead.Grey), contrast.Of(SourceHead.White));
        Assert.True(csf < grey && csf < white);
        Assert.Equal(whiteAboveGrey, white > grey);
    }

    [Fact]
    public void Smooth_field_has_its_amplitude_and_no_steps()
    {
        var shape = new VolumeShape(1, 20, 40, 40);
        var row = new float[40];
        var (squares, largestStep, count) = (0.0, 0.0, 0);
        for (var seed = 0; seed < 20; seed++)
        {
            var field = new SmoothField(shape, new Spacing(4, 4, 4), distance: 40, amplitude: 3, new SeededRandom(seed, "field"));
            for (var d = 0; d < 20; d += 5)
            {
                for (var h = 0; h < 40; h += 5)
                {
                    field.Row(d, h, row);
                    squares += row.Sum(value => (double)value * value);
                    largestStep = Math.Max(largestStep, row.Zip(row.Skip(1), (a, b) => Math.Abs(a - b)).Max());
                    count += row.Length;
                }
            }
        }

        Assert.Equal(3, Math.Sqrt(squares / count), 0.3);

        // below 1 nothing folds: neighbours 4 mm apart stay in order
        Assert.InRange(largestStep / 4, 0.01, 0.75);
    }

    /// <summary>The head, seen by voxels of about 2 mm.</summary>
    public sealed class TwoMillimetreHead
    {
        internal SourceHead Head { get; } = SourceHead.Read(SyntheticCohort.Options.Source, Grid.Spacing);
    }
}
