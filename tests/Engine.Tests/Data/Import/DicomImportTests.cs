using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data.Import;

/// <summary>DICOM files written here, and the dcm2niix of the machine; where it is not, only what is found before is tested.</summary>
public sealed class DicomImportTests : IDisposable
{
    private readonly MadeSource _source = new();

    public void Dispose() => _source.Dispose();

    private string Nifti => _source.Beside("cohort.nifti");

    private void Convert() => DicomConversion.Of(_source.Path).Convert(Nifti, null, TestContext.Current.CancellationToken);

    private string Refusal() => Assert.Throws<PlanException>(() => DicomConversion.Of(_source.Path)).Message;

    internal static void RequireConverter()
    {
        try
        {
            Dcm2niix.Find("a test");
        }
        catch (PlanException e)
        {
            Assert.Skip(e.Message);
        }
    }

    private CohortSheet Import()
    {
        Convert();
        var recipe = new ImportRecipe { Layout = "", Intensity = "keep", Split = "1/0/0" };
        var plan = ImportPlan.Of(SourceListing.Of(Nifti), recipe);
        return new CohortImport(plan, _source.Beside("cohort")).Run(null, TestContext.Current.CancellationToken).Sheet;
    }

    public static TheoryData<double, double, bool, bool> Grids => new()
    {
        { 0, 0, false, false },
        { 0.2, 0.3, false, false },
        { -0.4, 0.7, true, false },
        { 0.2, -0.3, false, true },
    };

    [Theory]
    [MemberData(nameof(Grids))]
    public void Every_voxel_of_the_cohort_lies_where_the_image_had_it(double tilt, double turn, bool reordered, bool isImplicit)
    {
        RequireConverter();
        var made = new MadeDicom
        {
            Oblique = (tilt, turn),
            Order = reordered ? [5, 2, 8, 1, 3, 7, 4, 6, 14, 13, 9, 12, 10, 11] : null,
            Implicit = isImplicit,
        };
        made.Write(_source.At("x/disc"));

        var sheet = Import();

        var scan = Assert.Single(sheet.Scans);
        Assert.Equal(("P 1_20210304", "P 1", "20210304"), (scan.Name, scan.Patient, scan.Visit));
        Assert.Equal(["t1_mprage"], sheet.Kinds.Keys);
        var volume = NiftiFile.Read(Path.Combine(Nifti, "P 1/20210304/003_T1_MPRAGE.nii.gz"));
        Assert.Equal(made.Columns * made.Rows * made.Slices, RequireSame(made, volume, outside: 0));
        var inCohort = NiftiFile.Read(Path.Combine(_source.Beside("cohort/train/P 1_20210304/t1_mprage.nii.gz")));
        Assert.Equal("RAS", NiftiAffine.Letters(inCohort.Header.Affine));
        if ((tilt, turn) == (0, 0))
            return; // rows of 2.5 and columns of 2 mm are made square
        Assert.Contains(scan.Grid.Affine.SelectMany(row => row), number => Math.Abs(number % 1) > 1e-3);
    }

    /// <summary>
    /// Asserts that each voxel has a pixel of the series at its place, to a 10,000th of a millimetre, with its number.
    /// </summary>
    /// <returns>How many pixels were found.</returns>
    private static int RequireSame(MadeDicom made, NiftiVolume volume, double outside)
    {
        var (shape, affine, found) = (volume.Header.Shape, volume.Header.Affine, 0);
        var (origin, x, y, z) = (made.Place(0, 0, 0), made.Place(1, 0, 0), made.Place(0, 1, 0), made.Place(0, 0, 1));
        double Along(double[] place, double[] next)
        {
            double[] step = [.. next.Zip(origin, (one, other) => one - other)];
            return place.Zip(origin, (one, other) => one - other).Zip(step, (one, other) => one * other).Sum() / step.Sum(one => one * one);
        }

        for (var i = 0; i < volume.Intensities.Length; i++)
        {
            var ras = NiftiAffine.At(affine, i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1]));
            double[] place = [-ras[0], -ras[1], ras[2]];
            var (column, row, slice) = (
                (int)Math.Round(Along(place, x)), (int)Math.Round(Along(place, y)), (int)Math.Round(Along(place, z)));
            Assert.All(made.Place(column, row, slice).Zip(place), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            var isWithin = column >= 0 && column < made.Columns && row >= 0 && row < made.Rows && slice >= 0 && slice < made.Slices;
            Assert.Equal(isWithin ? made.Value(column, row, slice) : outside, volume.Intensities.Span[i]);
            found += isWithin ? 1 : 0;
        }

        return found;
    }

    [Fact]
    public void Oblique_voxels_go_through_the_import_unchanged()
    {
        RequireConverter();
        var made = new MadeDicom { Oblique = (0.2, 0.3), Spacing = (2.5, 2.5, 3) };
        made.Write(_source.At("x"));

        Import();

        var volume = NiftiFile.Read(Path.Combine(_source.Beside("cohort/train/P 1_20210304/t1_mprage.nii.gz")));
        var head = Enumerable.Range(0, made.Columns * made.Rows * made.Slices).Count(i =>
            made.Value(i % made.Columns, i / made.Columns % made.Rows, i / made.Columns / made.Rows) > 0);
        RequireSame(made, volume, outside: 0);
        Assert.Equal(head, volume.Intensities.ToArray().Count(value => value > 0));
    }

    [Fact]
    public void Series_of_several_patients_and_days_are_scans_and_twice_is_once()
    {
        RequireConverter();
        new MadeDicom { Patient = "Müller/1" }.Write(_source.At("disc/a"));
        new MadeDicom { Patient = "Müller/1", Number = 4, Description = "FLAIR" }.Write(_source.At("disc/a"));
        new MadeDicom { Patient = "Müller/1", Day = "20220506" }.Write(_source.At("disc/b"));
        new MadeDicom { Patient = "P2", Number = 2, Description = "FLAIR" }.Write(_source.At("disc/c"));
        File.WriteAllText(_source.At("disc/notes.txt"), "no image");

        var sheet = Import();

        Assert.Equal(
            ["Müller_1_20210304 flair t1_mprage", "Müller_1_20220506 t1_mprage", "P2_20210304 flair"],
            sheet.Scans.Select(scan => $"{scan.Name} {string.Join(' ', scan.Files.Keys)}").Order(StringComparer.Ordinal));
        var before = Written();
        Convert();
        Assert.Equal(before, Written());
        new MadeDicom { Patient = "P3" }.Write(_source.At("disc/d"));
        Assert.Contains("holds NIfTI of other DICOM", Assert.Throws<PlanException>(Convert).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Studies_of_one_day_and_series_of_one_name_are_told_apart()
    {
        RequireConverter();
        new MadeDicom { Uid = "7" }.Write(_source.At("a"));
        new MadeDicom { Uid = "8" }.Write(_source.At("b"));
        new MadeDicom { Uid = "8", SeriesUid = "9" }.Write(_source.At("c"));

        Convert();

        Assert.Equal(
            ["20210304-101112-2/003.2_T1_MPRAGE.nii.gz", "20210304-101112-2/003_T1_MPRAGE.nii.gz", "20210304-101112/003_T1_MPRAGE.nii.gz"],
            Written().Keys.Where(file => file.EndsWith(".nii.gz", StringComparison.Ordinal))
                .Select(file => Path.GetRelativePath(Path.Combine(Nifti, "P 1"), file)).Order(StringComparer.Ordinal));
        var listing = SourceListing.Of(Nifti);
        Assert.Equal(["t1_mprage"], listing.Kinds.Select(kind => kind.Kind));
        Assert.Equal(2, listing.Scans.Count);
        Assert.Contains("is one more t1_mprage of the same scan", Assert.Single(listing.LeftOut).Why, StringComparison.Ordinal);
    }

    private Dictionary<string, DateTime> Written() =>
        Directory.GetFiles(Nifti, "*", SearchOption.AllDirectories).ToDictionary(file => file, File.GetLastWriteTimeUtc);

    [Fact]
    public void Conversion_that_was_stopped_goes_on()
    {
        RequireConverter();
        new MadeDicom().Write(_source.At("a"));
        new MadeDicom { Patient = "P2" }.Write(_source.At("b"));
        using var stop = new CancellationTokenSource();

        Assert.ThrowsAny<OperationCanceledException>(() => DicomConversion.Of(_source.Path).Convert(
            Nifti,
            done =>
            {
                if (done == 1)
                    stop.Cancel();
            },
            stop.Token));
        Assert.False(File.Exists(Path.Combine(Nifti, DicomRecord.FileName)));
        Convert();

        Assert.Equal(2, SourceListing.Of(Nifti).Scans.Count);
        Assert.Equal("dicom", SourceListing.Of(Nifti).Layout);
        Assert.Equal(3, Directory.GetFileSystemEntries(Nifti).Length); // two patients and the record
    }

    [Fact]
    public void Missing_slice_is_refused_before_anything_is_made()
    {
        new MadeDicom { Missing = [5], Oblique = (0.2, 0.3) }.Write(_source.At("x"));

        var refusal = Refusal();

        Assert.StartsWith(
            $"no series of '{_source.Path}' can be used: x/IM003_0000.dcm and the 12 other files of its series (T1 "
            + "MPRAGE 3) are not taken: a "
                + "slice is missing between ",
            refusal,
            StringComparison.Ordinal);
        Assert.EndsWith("where the others are 3 mm apart.", refusal, StringComparison.Ordinal);
        Assert.False(Path.Exists(Nifti));
    }

    [Fact]
    public void Series_that_lacks_a_slice_is_left_out_and_named_beside_a_whole_one()
    {
        RequireConverter();
        new MadeDicom { Missing = [5] }.Write(_source.At("a"));
        new MadeDicom { Patient = "P2" }.Write(_source.At("b"));
        new MadeDicom { Patient = "P3", Slices = 1 }.Write(_source.At("c"));
        var cut = Directory.GetFiles(_source.At("b/")).Order(StringComparer.Ordinal).First();
        File.WriteAllBytes(_source.At("d/cut.dcm"), File.ReadAllBytes(cut)[..^10]);

        var sheet = Import();

        Assert.Equal(["P2_20210304"], sheet.Scans.Select(scan => scan.Name));
        string[] why = [.. sheet.LeftOut.Select(left => $"{left.Path} {left.Why}")];
        Assert.Contains(why, one => one.StartsWith("a/IM003_0000.dcm and the 12 other files", StringComparison.Ordinal)
            && one.Contains("a slice is missing between", StringComparison.Ordinal));
        Assert.Contains(why, one => one.Contains("they are one slice and no volume", StringComparison.Ordinal));
        Assert.Contains("d/cut.dcm is cut off", why);
    }

    [Fact]
    public void What_lies_in_several_directions_or_at_unequal_distances_is_named()
    {
        new MadeDicom { Slices = 3 }.Write(_source.At("x"));
        new MadeDicom { Slices = 3, Oblique = (1, 0) }.Write(_source.At("y"));
        Assert.Contains("they lie in several directions", Refusal(), StringComparison.Ordinal);

        Directory.Delete(_source.At("y/"), recursive: true);
        new MadeDicom { Moved = (5, 0.5) }.Write(_source.At("x"));
        Assert.Contains("slices are 3.5 mm apart between", Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 0 }, "a slice is missing at an end: there are 13 images, and their acquisition has 14 (ImagesInAcquisition)")]
    [InlineData(
        new[] { 12, 13 }, "2 slices are missing at an end: there are 12 images, and their acquisition has 14 (ImagesInAcquisition)")]
    public void Missing_slices_at_an_end_are_refused_where_files_say_how_many_there_are(int[] missing, string why)
    {
        new MadeDicom { InAcquisition = 14, Missing = missing }.Write(_source.At("x"));

        Assert.EndsWith($"{why}.", Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Missing_frame_of_a_file_of_many_is_refused(bool isUndefined)
    {
        new MadeDicom { Missing = [5] }.WriteFrames(_source.At("x/one.dcm"), isUndefined);
        Assert.Contains("a slice is missing between ", Refusal(), StringComparison.Ordinal);

        new MadeDicom().WriteFrames(_source.At("x/one.dcm"), isUndefined);

        Assert.Equal(1, DicomConversion.Of(_source.Path).Count);
        Assert.Equal(14, DicomFile.Read(_source.At("x/one.dcm")).FramePositions.Count);
    }

    [Fact]
    public void Images_that_went_into_another_series_are_not_missing()
    {
        new MadeDicom { InAcquisition = 14, Missing = [12, 13] }.Write(_source.At("x"));
        int[] rest = [.. Enumerable.Range(0, 12)];
        new MadeDicom { InAcquisition = 14, Missing = rest, Number = 4 }.Write(_source.At("y"));

        Assert.Equal(2, DicomConversion.Of(_source.Path).Count);
    }

    [Fact]
    public void Images_that_begin_beyond_number_1_and_nifti_beside_them_are_said()
    {
        RequireConverter();
        new MadeDicom { Missing = [0, 1] }.Write(_source.At("x"));
        new MadeDicom { Patient = "P2", InAcquisition = 14, Order = [.. Enumerable.Range(15, 14)] }.Write(_source.At("y")); // all there
        _source.Add("z/t1.nii.gz");

        Convert();

        Assert.Equal(
            [
                "1 file of NIfTI is passed over, as the DICOM was asked for: z/t1.nii.gz",
                "the images of a series begin beyond number 1, as if slices before were missing; look at P 1 20210304 T1 MPRAGE 3, which "
                    + "begins with 3",
            ],
            SourceListing.Of(Nifti).Told);
    }

    [Fact]
    public void Patient_whose_name_could_be_no_folders_is_left_out_and_named()
    {
        RequireConverter();
        new MadeDicom { Patient = new string('x', 300) }.Write(_source.At("x"));
        Assert.EndsWith(
            "the name of their patient (PatientID) with the day has 309 bytes, of 200 at most, and a folder of the cohort is called after "
                + "it.",
            Refusal(),
            StringComparison.Ordinal);
        new MadeDicom { Patient = "P2" }.Write(_source.At("y"));

        var sheet = Import();

        Assert.Equal(["P2_20210304"], sheet.Scans.Select(scan => scan.Name));
        Assert.StartsWith("x/IM003_0000.dcm", Assert.Single(sheet.LeftOut).Path, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_written_into_the_source()
    {
        new MadeDicom().Write(_source.At("x"));

        var within = Path.Combine(_source.Path, "cohort.nifti");
        var refusal = Assert.Throws<PlanException>(
            () => DicomConversion.Of(_source.Path).Convert(within, null, TestContext.Current.CancellationToken));

        Assert.Contains("lie within each other", refusal.Message, StringComparison.Ordinal);
        Assert.Equal([_source.At("x")], Directory.GetFileSystemEntries(_source.Path));
    }

    [Fact]
    public void Slices_of_a_tilted_gantry_are_named()
    {
        new MadeDicom { Shear = 0.5, Oblique = (0.2, 0.3) }.Write(_source.At("x"));

        Assert.Contains("slices are shifted sideways by 0.5 mm from one to the next", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Dicom_is_known_by_its_content_and_only_where_there_is_no_nifti()
    {
        Assert.False(DicomConversion.IsNeeded(_source.Path, "auto"));
        new MadeDicom().Write(_source.At("x"));
        foreach (var named in Directory.GetFiles(_source.At("x/"), "*.dcm"))
            File.Delete(named); // those without suffix are left

        Assert.True(DicomConversion.IsNeeded(_source.Path, "auto"));
        Assert.False(DicomConversion.IsNeeded(_source.Path, "folders"));
        _source.Add("y/t1.nii.gz");
        Assert.False(DicomConversion.IsNeeded(_source.Path, "auto"));
        Assert.True(DicomConversion.IsNeeded(_source.Path, "dicom"));
    }
}
