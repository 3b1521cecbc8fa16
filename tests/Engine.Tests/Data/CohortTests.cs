using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class CohortTests : IDisposable
{
    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Patients_come_by_split_and_name_with_the_kinds_they_have()
    {
        _folder.Add("val", "a", "flair").Add("train", "b2", "bravo").Add("train", "b10", "seg").Add("train", "b10", "bravo");
        var cohort = _folder.Open();
        Assert.Equal([("train", "b10"), ("train", "b2"), ("val", "a")], cohort.Patients.Select(patient => (patient.Split, patient.Name)));
        Assert.Equal(["bravo", "seg"], cohort.Patients[0].Kinds);
        Assert.Empty(cohort.Of("test"));
    }

    [Fact]
    public void Folder_that_is_not_there_is_named()
    {
        var error = Assert.Throws<PlanException>(() => Cohort.Open(Path.Combine(_folder.Path, "nowhere")));
        Assert.Contains("nowhere' does not exist", error.Message, StringComparison.Ordinal);
        Assert.Equal("cohort", error.Key);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void Folder_without_a_name_is_told_to_be_that(string name) =>
        Assert.Contains("name is empty", Assert.Throws<PlanException>(() => Cohort.Open(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void File_is_told_to_be_no_folder()
    {
        _folder.Add("train", "a", "bravo");
        Assert.Contains(
            "is a file, not a folder",
            Assert.Throws<PlanException>(() => Cohort.Open(_folder.File("train", "a", "bravo"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_without_splits_is_refused() =>
        Assert.Contains("none of the folders", Assert.Throws<PlanException>(_folder.Open).Message, StringComparison.Ordinal);

    [Fact]
    public void Splits_without_patients_are_refused()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "train", "empty"));
        Assert.Contains("no patient", Assert.Throws<PlanException>(_folder.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_finds_nothing_in_a_sound_cohort()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "seg", new VolumeShape(1, 2, 2, 2), 0, 0, 1, 0, 0, 0, 0, 1);
        Assert.Empty(CohortCheck.Run(_folder.Open(), ["bravo", "seg"]));
    }

    [Fact]
    public void Check_tells_a_missing_image()
    {
        _folder.Add("train", "a", "bravo");
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), ["bravo", "seg"]));
        Assert.Equal(("a", _folder.File("train", "a", "seg"), "is missing."), (finding.Patient, finding.File, finding.Finding));
    }

    [Fact]
    public void Check_tells_shapes_that_differ_within_a_patient()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "flair", new VolumeShape(1, 1, 2, 2), 0, 1, 2, 3);
        Assert.Equal(
            "is 2×2×1, but bravo is 2×2×2; all images of a patient have one shape.",
            Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding);
    }

    [Fact]
    public void Check_tells_a_file_that_cannot_be_read()
    {
        File.WriteAllText(_folder.File("train", "a", "bravo"), "not an image");
        Assert.StartsWith("cannot be read: ", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_mask_that_is_not_binary()
    {
        _folder.Add("train", "a", "seg");
        Assert.Contains("has the values 1, 2, 3,", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_constant_volume()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 1, 2), 5, 5);
        Assert.Equal("is 5 everywhere.", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding);
    }

    [Fact]
    public void Check_tells_voxels_that_are_not_finite()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 1, 3), 5, 6, float.NaN);
        Assert.Contains(
            "1 voxels that are not finite", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_of_a_volume_without_any_number_tells_that_alone()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 1, 2), float.NaN, float.NaN);
        Assert.Contains(
            "2 voxels that are not finite", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_a_patient_whose_images_have_other_names()
    {
        _folder.Add("train", "a", "bravo");
        var other = Directory.CreateDirectory(Path.Combine(_folder.Open().Folder, "train", "b")).FullName;
        File.WriteAllText(Path.Combine(other, "T1.nii.gz"), "no name that is read");
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), ["bravo"]));
        Assert.Equal(("b", other), (finding.Patient, finding.File));
        Assert.Equal(
            "is left out: it holds no image under a name that is read, such as bravo.nii.gz (T1.nii.gz is not read; "
            + "rename it to t1.nii.gz).",
            finding.Finding);
    }

    [Fact]
    public void Kinds_are_the_cohorts_own_images_before_masks()
    {
        _folder.Add("train", "a", "t2w").Add("train", "a", "seg")
            .Add("train", "a", "bravo").Add("val", "b", "seg_oedema").Add("val", "b", "adc");
        File.WriteAllText(_folder.File("train", "a", "Upper"), "no name of a kind");

        var cohort = _folder.Open();

        Assert.Equal(["bravo", "adc", "t2w", "seg", "seg_oedema"], cohort.Kinds);
        Assert.Equal(["bravo", "t2w", "seg"], cohort.Of("train")[0].Kinds);
    }

    [Fact]
    public void Mask_of_another_name_is_one()
    {
        _folder.Add("train", "a", "seg_oedema", new VolumeShape(1, 1, 1, 4), 0, 1, 2, 4);

        Assert.Equal("merge_labels", Assert.Single(CohortCheck.Run(_folder.Open(), [])).AllowedBy);
    }

    [Fact]
    public void Check_tells_a_patient_in_two_splits()
    {
        _folder.Add("train", "a", "bravo").Add("test", "a", "bravo");
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), ["bravo"]));
        Assert.Equal(("test", "is also in train; a patient belongs to one split."), (finding.Split, finding.Finding));
    }

    private static readonly VolumeShape Cube = new(1, 2, 2, 2);
    private static readonly double[][] Straight = [[7.5, 0, 0, 0], [0, 7.5, 0, 0], [0, 0, 9.375, 0], [0, 0, 0, 1]];

    private CohortFolder Pair(double[][] mask) => _folder
        .Add("train", "a", "bravo", Cube, Straight, 0, 1, 2, 3, 4, 5, 6, 7)
        .Add("train", "a", "seg", Cube, mask, 0, 0, 1, 0, 0, 0, 0, 1);

    public static TheoryData<double[][], string> Elsewhere => new()
    {
        { [[7.5, 0, 0, 50], [0, 7.5, 0, 0], [0, 0, 9.375, 0], [0, 0, 0, 1]], "up to 50 mm away" }, // shifted
        // mirrored: the same places in another order
        { [[-7.5, 0, 0, 7.5], [0, 7.5, 0, 0], [0, 0, 9.375, 0], [0, 0, 0, 1]], "up to 7.5 mm away" },
        { [[7.5, 0, 0, 0], [0, 7.5, 0, 0], [0, 0, 9.5, 0], [0, 0, 0, 1]], "up to 0.125 mm away" }, // another slice pitch, on one step
    };

    [Theory]
    [MemberData(nameof(Elsewhere))]
    public void Check_and_training_tell_a_mask_that_lies_elsewhere(double[][] affine, string found)
    {
        var cohort = Pair(affine).Open();
        var finding = Assert.Single(CohortCheck.Run(cohort, []));
        Assert.Contains(found, finding.Finding, StringComparison.Ordinal);
        Assert.Equal((true, "allow_geometry_mismatch"), (finding.Refused, finding.AllowedBy));
        var refusal = Assert.Throws<PlanException>(() => new CohortDataset(cohort, "train", Two, ["bravo", "seg"]));
        Assert.Contains(found, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(1, new CohortDataset(cohort, "train", Two with { AllowGeometryMismatch = true }, ["bravo", "seg"]).Count);
        Assert.Contains(found, Assert.Single(cohort.News()).Finding, StringComparison.Ordinal);
        Assert.Empty(cohort.News());
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.007)] // below a thousandth of a voxel
    public void Check_takes_affines_for_equal_that_no_one_can_tell_apart(double shift) =>
        Assert.Empty(CohortCheck.Run(Pair([[7.5, 0, 0, shift], [0, 7.5, 0, 0], [0, 0, 9.375, 0], [0, 0, 0, 1]]).Open(), []));

    [Fact]
    public void Check_and_training_tell_a_header_with_two_voxel_sizes()
    {
        NiftiFile.Write(
            _folder.File("train", "a", "bravo"),
            (ReadOnlySpan<float>)[0, 1, 2, 3, 4, 5, 6, 7],
            Cube,
            new Spacing(1, 1, 1),
            [[3.75, 0, 0, 0], [0, 3.75, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
            null);
        Assert.Contains(
            "1×1×1 mm by its pixdim and of 3.75×3.75×1 mm",
            Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding,
            StringComparison.Ordinal);
        Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Two, ["bravo"]));
        Assert.Equal(1, new CohortDataset(_folder.Open(), "train", Two with { AllowGeometryMismatch = true }, ["bravo"]).Count);
    }

    [Fact]
    public void Mask_of_one_other_label_is_taken_and_said()
    {
        _folder.Add("train", "a", "seg", Cube, 0, 0, 3, 0, 0, 0, 0, 3);
        var cohort = _folder.Open();
        using var batch = new CohortDataset(cohort, "train", Two, ["seg"]).Load(0);
        Assert.Equal("has the value 3; a mask is 0 and 1, and it is taken as 1.", Assert.Single(cohort.News()).Finding);
    }

    [Fact]
    public void Mask_of_several_labels_is_refused_or_merged_and_said()
    {
        _folder.Add("train", "a", "seg", Cube, 0, 1, 2, 4, 0, 0, 0, 0);
        Assert.Equal("merge_labels", Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Two, ["seg"])).Key);
        var cohort = _folder.Open();
        using var batch = new CohortDataset(cohort, "train", Two with { MergeLabels = true }, ["seg"]).Load(0);
        Assert.Contains("values 1, 2, 4", Assert.Single(cohort.News()).Finding, StringComparison.Ordinal);
        Assert.Equal(3, batch.Images["seg"].data<float>().ToArray().Sum());
    }

    [Theory]
    [InlineData(1, " And 1 more in train: b/bravo.nii.gz.")]
    [InlineData(7, " And 7 more in train: b/bravo.nii.gz, c/bravo.nii.gz, d/bravo.nii.gz, e/bravo.nii.gz, f/bravo.nii.gz ….")]
    public void Volumes_that_do_not_fit_the_experiment_are_named_because_a_check_of_the_cohort_finds_none(int more, string words)
    {
        for (var patient = 'a'; patient <= 'a' + more; patient++)
            _folder.Add("train", $"{patient}", "bravo");
        var refusal = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Two with { Height = 4 }, ["bravo"]));
        Assert.EndsWith(words, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("data check", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_an_image_whose_name_differs_by_case_also_where_no_kind_is_asked_for()
    {
        _folder.Add("train", "a", "flair");
        File.Move(_folder.File("train", "a", "flair"), _folder.File("train", "a", "FLAIR"));
        _folder.Add("train", "a", "bravo");
        Assert.Equal(
            "is taken to have no flair (FLAIR.nii.gz is not read; rename it to flair.nii.gz).",
            Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding);
    }

    [Fact]
    public void Split_of_empty_masks_is_told_by_the_check_and_on_the_way_of_training()
    {
        _folder.Add("train", "a", "seg", Cube, new float[8]).Add("train", "b", "seg", Cube, new float[8]);
        _folder.Add("val", "c", "seg", Cube, new float[8]).Add("val", "d", "seg", Cube, 0, 1, 0, 0, 0, 0, 0, 0);
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []));
        Assert.StartsWith("has no tumour in any of its masks (2)", finding.Finding, StringComparison.Ordinal);
        Assert.Equal("train", finding.Split);
        var cohort = _folder.Open();
        _ = new CohortDataset(cohort, "train", Two, ["seg"]);
        Assert.Equal(finding, Assert.Single(cohort.News()));
    }

    private static float[] Noise(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 512).Select(_ => random.NextSingle())];
    }

    [Theory]
    [InlineData(1000, 0)]
    [InlineData(0.25, -3)]
    [InlineData(-2, 7)]
    public void Check_tells_one_scan_on_two_scales_of_intensities(float slope, float intercept)
    {
        var shape = new VolumeShape(1, 8, 8, 8);
        _folder.Add("train", "a", "bravo", shape, Noise(1)).Add("train", "b", "bravo", shape, Noise(2));
        _folder.Add("test", "c", "bravo", shape, [.. Noise(1).Select(value => slope * value + intercept)]);
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []));
        Assert.Equal(("test", "c"), (finding.Split, finding.Patient));
        Assert.StartsWith(
            "has the same voxels as an image of a in train, but for slope and intercept", finding.Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Second_scan_that_differs_by_noise_is_no_copy()
    {
        var shape = new VolumeShape(1, 8, 8, 8);
        _folder.Add("train", "a", "bravo", shape, Noise(1))
            .Add("test", "b", "bravo", shape, [.. Noise(1).Zip(Noise(2), (value, noise) => value + noise / 100)]);
        Assert.Empty(CohortCheck.Run(_folder.Open(), []));
    }

    [Theory]
    [InlineData("P 1", "blanks")]
    [InlineData("P1 ", "blanks")]
    [InlineData("p 1", "blanks and the case of letters")]
    [InlineData("p1", "the case of letters")]
    public void Check_tells_names_that_are_hardly_different(string other, string difference)
    {
        _folder.Add("train", "P1", "bravo").Add("test", other, "bravo");
        Assert.EndsWith(
            $"is called P1 in train but for {difference}; a patient has one name and belongs to one split.",
            Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_one_name_in_two_ways_to_write_an_accent()
    {
        _folder.Add("train", "Jos\u00e9", "bravo").Add("test", "Jose\u0301", "bravo");
        Assert.Contains(
            "but for the way in which accents are written (Unicode NFC and NFD);",
            Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_one_scan_under_two_names()
    {
        _folder.Add("train", "a", "bravo").Add("test", "b", "bravo");
        Assert.Contains(
            "same voxels as an image of a in train", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_names_that_differ_by_case()
    {
        _folder.Add("train", "P1", "bravo").Add("test", "p1", "bravo");
        Assert.Contains(
            "called P1 in train but for the case", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("valid", "rename it to val")]
    [InlineData("Test", "rename it to test")]
    [InlineData("training", "rename it to train")]
    [InlineData("holdout", "is not read")]
    public void Check_tells_a_folder_that_looks_like_a_split(string name, string found)
    {
        _folder.Add("train", "a", "bravo").Add(name, "b", "bravo", Cube, 9, 8, 7, 6, 5, 4, 3, 2);
        Assert.Contains(found, Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_that_is_not_compressed_is_read()
    {
        _folder.Add("train", "a", "bravo");
        var file = Path.Combine(_folder.Path, "train", "b", "bravo.nii");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        NiftiFile.Write(file, (ReadOnlySpan<float>)[7, 6, 5, 4, 3, 2, 1, 0], Cube, new Spacing(1, 1, 1), null, null);
        var cohort = _folder.Open();
        Assert.Equal(file, cohort.Patients[1].File("bravo"));
        Assert.Equal(2, new CohortDataset(cohort, "train", Two, ["bravo"]).Count);
        File.Copy(_folder.File("train", "a", "bravo"), Path.Combine(_folder.Path, "train", "b", "bravo.nii.gz"));
        Assert.Contains(
            CohortCheck.Run(_folder.Open(), []),
            finding => finding.Finding.Contains("bravo.nii beside it is not", StringComparison.Ordinal));
    }

    private static DataOptions Two => new() { Depth = 2, OriginalDepth = 2, Height = 2, Width = 2 };

    [Theory]
    [InlineData(1e9, 1e9 + 0.75, "is 1E+09 everywhere as training reads it")] // float32 has steps of 64 there
    [InlineData(1e-61, 1e-60, "is 0 everywhere as training reads it")] // below the smallest float32
    public void Check_tells_a_volume_that_float32_makes_constant(double low, double high, string found)
    {
        var file = new Nifti.NiftiBytes().Dim(3, 2, 1, 1).Type(64).QForm(0, 0, 0, 0, 0, 0)
            .With([.. BitConverter.GetBytes(low), .. BitConverter.GetBytes(high)]);
        File.WriteAllBytes(_folder.File("train", "a", "bravo"), file);
        Assert.StartsWith(found, Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("BRAVO.nii.gz", false, "(BRAVO.nii.gz is not read; rename it to bravo.nii.gz)")]
    [InlineData("bravo.nii.gz", true, "(bravo.nii.gz is a folder, and an image is a file)")]
    public void Patient_without_any_image_lacks_images_as_one_that_has_some(string name, bool folder, string hint)
    {
        _folder.Add("train", "a", "bravo");
        var odd = _folder.File("train", "b", "bravo")[..^"bravo.nii.gz".Length] + name;
        if (folder)
            Directory.CreateDirectory(odd);
        else
            File.WriteAllText(odd, "");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "train", ".editor"));

        var refusal = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Two, ["bravo"]));

        Assert.Equal("cohort", refusal.Key);
        Assert.Contains(
            $"1 of the 2 patients in '{Path.Combine(_folder.Path, "train")}' lack an image: b has no bravo {hint}",
            refusal.Message,
            StringComparison.Ordinal);
        var dataset = new CohortDataset(_folder.Open(), "train", Two with { AllowMissing = true }, ["bravo"]);
        Assert.Equal(["a"], dataset.Patients);
        Assert.Equal(["b"], dataset.Skipped);
        Assert.Contains(
            CohortCheck.Run(_folder.Open(), ["bravo"]),
            finding => finding.Patient == "b" && finding.Finding.Contains(hint, StringComparison.Ordinal));
    }

    private string At(params string[] parts) => Path.Combine([_folder.Path, .. parts]);

    /// <summary>What may stand where a folder belongs.</summary>
    private void Put(string what, string path)
    {
        switch (what)
        {
            case "dead":
                File.CreateSymbolicLink(path, At("gone"));
                break;
            case "loop":
                File.CreateSymbolicLink(path, Path.GetFileName(path));
                break;
            case "file":
                File.WriteAllText(path, "");
                break;
            default:
                File.WriteAllText(At("some.file"), "");
                File.CreateSymbolicLink(path, At("some.file"));
                break;
        }
    }

    public static TheoryData<string, string> NoFolders => new()
    {
        { "dead", "is a symbolic link that leads nowhere" },
        { "loop", "is a symbolic link that leads back to itself" },
        { "file", "is a file, not a folder" },
        { "link", "is a symbolic link to a file, not to a folder" },
    };

    [Theory]
    [MemberData(nameof(NoFolders))]
    public void Patient_that_is_no_folder_is_named_counted_and_refused_beyond_a_tenth(string what, string found)
    {
        _folder.Add("train", "a", "bravo").Add("val", "v", "bravo");
        Put(what, At("train", "b"));
        File.WriteAllText(At("train", "patients.txt"), "a, b"); // named, and no patient
        File.WriteAllText(At("train", ".DS_Store"), "");

        var findings = CohortCheck.Run(_folder.Open(), []).Where(finding => finding.Split == "train").ToArray();
        Assert.Equal(["b", "patients.txt"], findings.Select(finding => finding.Patient));
        Assert.Equal($"is left out: it {found}.", findings[0].Finding);

        var refusal = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Two, ["bravo"]));
        Assert.Equal("cohort", refusal.Key);
        Assert.Contains($"1 of the 2 patients in '{At("train")}' lack an image: b {found}; ", refusal.Message, StringComparison.Ordinal);
        var cohort = _folder.Open();
        Assert.Equal(["b"], new CohortDataset(cohort, "train", Two with { AllowMissing = true }, ["bravo"]).Skipped);
        Assert.Contains(cohort.News(), finding => finding.Patient == "b");
    }

    [Theory]
    [MemberData(nameof(NoFolders))]
    public void Split_that_is_no_folder_is_refused(string what, string found)
    {
        _folder.Add("train", "a", "bravo");
        Put(what, At("val"));
        var refusal = Assert.Throws<PlanException>(_folder.Open);
        Assert.StartsWith($"'{At("val")}' {found}; a split is a folder of patients", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("cohort", refusal.Key);
    }

    [Theory]
    [MemberData(nameof(NoFolders))]
    public void Cohort_that_is_no_folder_is_told_what_it_is(string what, string found)
    {
        Put(what, At("cohort"));
        Assert.StartsWith(
            $"'{At("cohort")}' {found}: a cohort is a folder",
            Assert.Throws<PlanException>(() => Cohort.Open(At("cohort"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Split_whose_patients_all_lead_nowhere_has_patients_that_cannot_be_used()
    {
        _folder.Add("train", "a", "bravo");
        Directory.CreateDirectory(At("val"));
        Put("dead", At("val", "v"));
        var cohort = _folder.Open();
        Assert.True(cohort.Has("val")); // whoever validates asks for it, and is refused
        Assert.False(cohort.Has("test"));
        Assert.Contains(
            "none of the 1 patients",
            Assert.Throws<PlanException>(() => new CohortDataset(cohort, "val", Two, ["bravo"])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Dead_link_that_looks_like_a_split_is_named()
    {
        _folder.Add("train", "a", "bravo");
        Put("dead", At("validation"));
        Assert.Contains("is not read", Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Link_to_a_folder_is_a_patient()
    {
        _folder.Add("elsewhere", "a", "bravo");
        Directory.CreateDirectory(At("train"));
        Directory.CreateSymbolicLink(At("train", "a"), At("elsewhere", "a"));
        Assert.Equal(["a"], new CohortDataset(_folder.Open(), "train", Two, ["bravo"]).Patients);
    }

    private static readonly VolumeShape Tiny = new(1, 2, 2, 2);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Mask_under_two_names_is_told_by_the_check_and_on_the_way_of_training_whatever_its_label(float label)
    {
        _folder.Add("train", "a", "seg", Tiny, 0, 1, 0, 1, 0, 0, 0, 1).Add("val", "b", "seg", Tiny, 0, label, 0, label, 0, 0, 0, label);
        _folder.Add("val", "c", "seg", Tiny, 0, 0, 1, 1, 0, 0, 0, 1);
        const string Copy = "has the same voxels as an image of a in train; a scan belongs to one patient of one split.";

        Assert.Equal("b", Assert.Single(CohortCheck.Run(_folder.Open(), []), finding => finding.Finding == Copy).Patient);
        var cohort = _folder.Open();
        _ = new CohortDataset(cohort, "train", Two, ["seg"]);
        _ = new CohortDataset(cohort, "val", Two, ["seg"]);
        Assert.Equal("b", Assert.Single(cohort.Findings, finding => finding.Finding == Copy).Patient);
    }

    [Fact]
    public void Masks_without_a_tumour_are_no_copies()
    {
        _folder.Add("train", "a", "seg", Tiny, new float[8]).Add("train", "b", "seg", Tiny, new float[8])
            .Add("train", "c", "seg", Tiny, 1, 0, 0, 0, 0, 0, 0, 0);
        Assert.Empty(CohortCheck.Run(_folder.Open(), []));
    }

    [Fact]
    public void Image_that_is_a_copy_of_the_mask_of_the_same_patient_is_told()
    {
        float[] mask = [0, 1, 0, 1, 0, 0, 0, 1];
        _folder.Add("train", "a", "bravo", Tiny, mask).Add("train", "a", "seg", Tiny, mask);
        Assert.Equal(
            "has the same voxels as bravo of the same patient; one of the two is a copy.",
            Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding);
    }

    [Fact]
    public void Link_to_another_patient_is_told_once()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "seg", Tiny, 0, 1, 0, 1, 0, 0, 0, 1);
        Directory.CreateDirectory(At("test"));
        Directory.CreateSymbolicLink(At("test", "b"), Path.Combine("..", "train", "a"));
        var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []));
        Assert.Equal(
            ("b", "is the same folder as a in train, by a link; a patient has one name and belongs to one split."),
            (finding.Patient, finding.Finding));
        Assert.Contains(finding, _folder.Open().Findings);
    }

    [Fact]
    public void Finding_does_not_name_its_file_twice()
    {
        File.WriteAllText(_folder.File("train", "a", "bravo"), "not an image");
        Assert.DoesNotContain(_folder.Path, Assert.Single(CohortCheck.Run(_folder.Open(), [])).Finding, StringComparison.Ordinal);
    }
}
