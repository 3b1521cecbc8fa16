using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data.Import;

public sealed class CohortImportTests : IDisposable
{
    private static readonly ImportRecipe Kept = new() { Layout = "", Intensity = "keep" };

    private readonly MadeSource _source = new();

    public void Dispose() => _source.Dispose();

    private CohortImport Import(string to = "cohort", ImportRecipe? recipe = null) =>
        new(ImportPlan.Of(SourceListing.Of(_source.Path), recipe ?? Kept), _source.Beside(to));

    private static ImportOutcome Run(CohortImport import) => import.Run(null, TestContext.Current.CancellationToken);

    private CohortSheet Make(ImportRecipe? recipe = null) => Run(Import(recipe: recipe)).Sheet;

    private NiftiVolume Read(CohortSheet sheet, string scan, string kind) =>
        NiftiFile.Read(Path.Combine(_source.Beside("cohort"), sheet.Scans.Single(one => one.Name == scan).Split, scan, kind + ".nii.gz"));

    /// <summary>The places of a volume's voxels with their numbers.</summary>
    private static IEnumerable<(double X, double Y, double Z, float Value)> Places(NiftiVolume volume)
    {
        var (shape, affine) = (volume.Header.Shape, volume.Header.Affine);
        for (var i = 0; i < volume.Intensities.Length; i++)
        {
            var place = NiftiAffine.At(affine, i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1]));
            yield return (place[0], place[1], place[2], volume.Intensities.Span[i]);
        }
    }

    [Theory]
    [InlineData("LPS")]
    [InlineData("PIR")]
    [InlineData("SAL")]
    public void Orientation_is_turned_to_right_front_and_top_without_another_number(string axes)
    {
        _source.Add("a/t1.nii.gz", axes).Add("b/t1.nii.gz").Add("c/t1.nii.gz");

        var sheet = Make();

        var turned = Read(sheet, "a", "t1");
        Assert.Equal("RAS", NiftiAffine.Letters(turned.Header.Affine));
        Assert.Equal(sheet.Shape, turned.Header.Shape);
        Assert.All(Places(turned), voxel => Assert.Equal((float)MadeSource.Head(voxel.X, voxel.Y, voxel.Z), voxel.Value));
        Assert.Equal(Read(sheet, "b", "t1").Intensities.ToArray(), turned.Intensities.ToArray());
    }

    /// <summary>What augmentations mirror along H, whichever way a scanner's axes run.</summary>
    [Fact]
    public void Mirror_along_the_rows_of_an_imported_cohort_swaps_left_and_right()
    {
        _source.Add("a/t1.nii.gz", "PIR").Add("b/t1.nii.gz", "LSA", at: (x, y, z) => MadeSource.Head(-x, y, z));
        var sheet = Make(Kept with { Split = "1/0/0" });

        var options = new DataOptions { Depth = 64, OriginalDepth = 64, Height = sheet.Shape[0], Width = sheet.Shape[1] };
        var dataset = new CohortDataset(Cohort.Open(_source.Beside("cohort")), "train", options, ["t1"]);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var batch = dataset.Load(0, 1);
        var (one, other) = (batch.Images["t1"][0], batch.Images["t1"][1]);

        Assert.Equal(one.flip(2).data<float>().ToArray(), other.contiguous().data<float>().ToArray());
        Assert.NotEqual(one.data<float>().ToArray(), other.contiguous().data<float>().ToArray());
    }

    /// <summary>A lesion of a limb beside the head, or of a skull that was stripped too far.</summary>
    [Fact]
    public void Box_holds_lesions_that_lie_outside_of_the_head()
    {
        static double Lesion(double x, double y, double z) => x * x + y * y + (z - 30) * (z - 30) < 50 ? 1 : 0;
        foreach (var name in new[] { "a", "b", "c" })
            _source.Add($"{name}/t1.nii.gz").Add($"{name}/seg.nii.gz", at: Lesion);
        var voxels = NiftiFile.Read(_source.At("a/seg.nii.gz")).Intensities.ToArray().Count(value => value == 1);

        var sheet = Make();

        Assert.True(voxels > 0);
        Assert.All(
            sheet.Scans,
            scan => Assert.Equal(voxels, Read(sheet, scan.Name, ImageKinds.Seg).Intensities.ToArray().Count(value => value == 1)));
    }

    [Theory]
    [InlineData(0.9999)]
    [InlineData(1.00011)]
    public void Labels_that_scaling_or_resampling_left_beside_a_whole_number_are_that_number(double label)
    {
        foreach (var name in new[] { "a", "b", "c" })
            _source.Add($"{name}/t1.nii.gz").Add($"{name}/seg.nii.gz", at: MadeSource.Ball(9, label));

        var sheet = Make(Kept with { Labels = ["1:tumour"] });

        Assert.All(sheet.Scans, scan => Assert.Contains(1f, Read(sheet, scan.Name, ImageKinds.Seg).Intensities.ToArray()));
        Assert.All(sheet.Scans, scan => Assert.Equal(["1"], scan.Labels.Keys));
    }

    [Fact]
    public void What_an_import_left_that_was_killed_in_its_first_moment_is_in_nobodys_way()
    {
        _source.Add("a/t1.nii.gz").Add("b/t1.nii.gz").Add("c/t1.nii.gz");
        Directory.CreateDirectory(_source.Beside("cohort/.importing/a"));
        File.WriteAllText(_source.Beside($"cohort/{CohortSheet.UnfinishedName}.7.tmp"), "{");

        Assert.Equal(3, Make().Scans.Count);
    }

    [Fact]
    public void Two_imports_into_one_folder_are_one_and_a_refusal_that_takes_nothing_back()
    {
        _source.Add("a/t1.nii.gz").Add("b/t1.nii.gz").Add("c/t1.nii.gz");
        var work = Directory.CreateDirectory(_source.Beside("cohort/.importing")).FullName;
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Import().Run(_ => stop.Cancel(), stop.Token));
        using (new FileStream(Path.Combine(work, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            var refused = Assert.Throws<PlanException>(() => Make());
            Assert.Contains("another import into", refused.Message, StringComparison.Ordinal);
            Assert.True(File.Exists(_source.Beside($"cohort/{CohortSheet.UnfinishedName}")));
        }

        Assert.Equal(3, Make().Scans.Count);
    }

    [Fact]
    public void Source_with_a_slash_behind_it_is_the_same_source()
    {
        _source.Add("a/t1.nii.gz");

        Assert.Equal(SourceListing.Of(_source.Path).Source, SourceListing.Of(_source.Path + "/").Source);
    }

    [Fact]
    public void Box_holds_the_whole_head_and_is_square_in_plane()
    {
        _source.Add("a/t1.nii.gz", voxels: 40).Add("b/t1.nii.gz", voxels: 30).Add("c/t1.nii.gz", voxels: 17);

        var sheet = Make();

        Assert.Equal(sheet.Shape[0], sheet.Shape[1]);
        Assert.Equal(0, sheet.Shape[0] % 16);
        Assert.True(sheet.Shape[2] < 30, "slices without any head were kept");
        var whole = Places(Read(sheet, "a", "t1")).Count(voxel => voxel.Value > 0);
        Assert.Equal(
            Enumerable.Range(0, 8000 * 8).Count(
                i => MadeSource.Head(((i % 40) - 19.5) * 3, ((i / 40 % 40) - 19.5) * 3, ((i / 1600) - 19.5) * 3) > 0),
            whole);
    }

    [Fact]
    public void Spacing_resamples_images_in_straight_lines_and_masks_by_label()
    {
        _source.Add("a/t1.nii.gz", "LPS").Add("a/seg.nii.gz", "LPS", at: MadeSource.Ball(6)).Add("b/t1.nii.gz").Add("c/t1.nii.gz");

        var sheet = Make(Kept with { Spacing = [2, 2, 4] });

        Assert.Equal([2.0, 2, 4], sheet.Spacing);
        var inside = Places(Read(sheet, "a", "t1")).Where(voxel => MadeSource.Inside(voxel.X, voxel.Y, voxel.Z) < 0.5).ToArray();
        Assert.NotEmpty(inside);
        Assert.All(inside, voxel => Assert.Equal(MadeSource.Head(voxel.X, voxel.Y, voxel.Z), voxel.Value, 1e-3));
        var ball = MadeSource.Ball(6);
        double Middle(double place) => (Math.Round(place / 3 - 0.5) + 0.5) * 3; // of the voxel of 3 mm that a place is in
        Assert.All(Places(Read(sheet, "a", "seg")).Where(voxel => voxel.X % 3 != 0 && voxel.Y % 3 != 0 && voxel.Z % 3 != 0), voxel =>
            Assert.Equal(ball(Middle(voxel.X), Middle(voxel.Y), Middle(voxel.Z)), voxel.Value));
    }

    [Fact]
    public void Spacing_that_differs_is_brought_to_the_median_and_said()
    {
        _source.Add("a/t1.nii.gz").Add("b/t1.nii.gz").Add("c/t1.nii.gz", voxels: 40, size: 1.5);

        var plan = ImportPlan.Of(SourceListing.Of(_source.Path), Kept);

        Assert.Equal([3.0, 3, 3], plan.Spacing);
        Assert.StartsWith(
            "voxel sizes differ between scans (1.5 to 3, 1.5 to 3, 1.5 to 3 mm), so that all are resampled to 3×3×3 mm",
            Assert.Single(plan.Told),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Images_of_a_scan_are_brought_onto_the_grid_of_its_finest()
    {
        _source.Add("a/t1.nii.gz", "LPS").Add("a/t2.nii.gz", "RSA", voxels: 50, size: 1.5);

        var plan = ImportPlan.Of(SourceListing.Of(_source.Path), Kept with { Split = "1/0/0" });
        var sheet = Run(new CohortImport(plan, _source.Beside("cohort"))).Sheet;

        Assert.Equal((1, null), (plan.OffGrid, plan.Spacing));
        Assert.Equal([1.5, 1.5, 1.5], sheet.Spacing);
        Assert.Equal(Read(sheet, "a", "t2").Header.Affine, Read(sheet, "a", "t1").Header.Affine);
    }

    [Fact]
    public void Images_of_a_scan_are_brought_onto_one_grid()
    {
        _source.Add("a/t1.nii.gz", "LPS").Add("a/t2.nii.gz", "RSA", voxels: 50, size: 1.5).Add("b/t1.nii.gz").Add("c/t1.nii.gz");

        var sheet = Make();

        var second = Read(sheet, "a", "t2");
        Assert.Equal(Read(sheet, "a", "t1").Header.Affine, second.Header.Affine);
        Assert.All(
            Places(second).Where(voxel => MadeSource.Inside(voxel.X, voxel.Y, voxel.Z) < 0.5),
            voxel => Assert.Equal(MadeSource.Head(voxel.X, voxel.Y, voxel.Z), voxel.Value, 1e-3));
    }

    [Theory]
    [InlineData("percentile 0 100", 0, 1)]
    [InlineData("zscore", -5, 5)]
    [InlineData("fixed 150 250", 150, 250)]
    public void Intensities_are_of_one_range_that_training_reads(string rule, double low, double high)
    {
        _source.Add("a/t1.nii.gz").Add("b/t1.nii.gz", at: (x, y, z) => 7 * MadeSource.Head(x, y, z)).Add("c/t1.nii.gz");

        var sheet = Make(Kept with { Intensity = rule });

        Assert.Equal(new IntensitySpan(low, high), sheet.SpanOf("t1"));
        var (file, options) = (
            Read(sheet, "a", "t1"),
            new DataOptions
            {
                Depth = 64,
                OriginalDepth = 64,
                Height = sheet.Shape[0],
                Width = sheet.Shape[1],
                Normalization = Normalization.Cohort,
            });
        var cohort = Cohort.Open(_source.Beside("cohort"));
        var split = sheet.Scans.Single(scan => scan.Name == "a").Split;
        using var batch = new CohortDataset(cohort, split, options, ["t1"]).Load(0);
        var seen = batch.Images["t1"][0, 0].narrow(0, 0, batch.RealSlices[0]);
        Assert.Equal((file.Max!.Value - low) / (high - low), seen.max().item<float>(), 1e-5);
        Assert.Equal((file.Mean!.Value - low) / (high - low), seen.mean().item<float>(), 1e-5);
        if (!rule.StartsWith("fixed", StringComparison.Ordinal))
            Assert.Equal(
                file.Intensities.ToArray(),
                Read(sheet, "b", "t1").Intensities.ToArray(),
                (one, other) => Math.Abs(one - other) < 1e-5); // whatever the scanner's scale is
    }

    [Fact]
    public void Image_of_which_nothing_lies_between_the_fixed_intensities_is_named_with_its_range()
    {
        _source.Add("a/t1.nii.gz").Add("b/t1.nii.gz").Add("c/t1.nii.gz", at: (x, y, z) => MadeSource.Head(x, y, z) / 1000);

        static double Place(int i) => (i - 9.5) * MadeSource.Size;
        var head = Enumerable.Range(0, 8000).Select(i => MadeSource.Head(Place(i % 20), Place(i / 20 % 20), Place(i / 400)))
            .Where(value => value > 0).ToArray();
        Assert.Contains(
            $"a has an image t1 that has intensities from {head.Min()} to {head.Max()} in the head, none of which lies between 500 and "
                + "1000 (--intensity).",
            Assert.Throws<PlanException>(() => Make(Kept with { Intensity = "fixed 500 1000" })).Message,
            StringComparison.Ordinal);
        Assert.False(Path.Exists(_source.Beside("cohort")));

        var left = Assert.Single(Make(Kept with { Intensity = "fixed 1 1000" }).LeftOut);
        Assert.Equal("c", left.Path);
        Assert.Contains("none of which lies between 1 and 1000", left.Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1:../x", "--labels 1:../x: a mask is called by a word that begins with a letter")]
    [InlineData("1:Ödem", "--labels 1:Ödem: a mask is called by a word that begins with a letter")]
    [InlineData("1,1:tumour", "--labels 1,1:tumour names a label twice")]
    [InlineData("NaN:tumour", "--labels NaN:tumour: expected LABELS:NAME")]
    [InlineData("1:tumour 1:oedema", "--labels makes seg and seg_oedema of the same labels, so that both would be one mask")]
    [InlineData("1:tumour 2:lesion", "--labels makes seg twice")]
    public void Labels_that_mean_nothing_are_refused(string rules, string sentence) =>
        Assert.StartsWith(
            sentence, Assert.Throws<PlanException>(() => LabelRule.Of(rules.Split(' '))).Message, StringComparison.Ordinal);

    [Fact]
    public void Label_of_two_regions_within_each_other_is_said() =>
        Assert.Equal(["the label 3 goes to seg and to seg_core"], LabelRule.Shared(LabelRule.Of(["1,2,3:tumour", "3:core"])));

    [Fact]
    public void Percentiles_are_of_the_head_and_not_of_the_air()
    {
        _source.Add("a/t1.nii.gz", voxels: 60).Add("b/t1.nii.gz").Add("c/t1.nii.gz");

        var sheet = Make(Kept with { Intensity = "percentile 0 50" });

        var numbers = Places(Read(sheet, "a", "t1")).Where(voxel => MadeSource.Inside(voxel.X, voxel.Y, voxel.Z) < 1)
            .Select(voxel => (double)voxel.Value).ToArray();
        // half of the head is above its median, where 0.005 of the volume's voxels are head
        Assert.Equal(0.5, numbers.Count(number => number >= 1) / (double)numbers.Length, 0.02);
    }

    [Fact]
    public void Labels_make_the_masks_that_are_asked_for()
    {
        _source.AddBrats(3);

        var sheet = Make(Kept with { Labels = ["1,3:tumour", "2:oedema"] });

        Assert.Equal(["t1c", "t1n", "t2f", "seg", "seg_oedema"], sheet.Kinds.Keys);
        var scan = sheet.Scans[0];
        Assert.Equal(scan.Labels["1"] + scan.Labels["3"], Places(Read(sheet, scan.Name, "seg")).Count(voxel => voxel.Value == 1));
        Assert.Equal(scan.Labels["2"], Places(Read(sheet, scan.Name, "seg_oedema")).Count(voxel => voxel.Value == 1));
        Assert.Equal((scan.Labels["1"] + scan.Labels["3"]) * 27.0, scan.LesionVolume!.Value, 1e-6);
    }

    [Fact]
    public void Import_that_was_stopped_goes_on_and_gives_the_same_bytes()
    {
        _source.AddBrats(6);
        using var stop = new CancellationTokenSource();
        var stopped = Import();
        Assert.ThrowsAny<OperationCanceledException>(() => stopped.Run(
            progress =>
            {
                if (progress.Done == 8) // two are written
                    stop.Cancel();
            },
            stop.Token));
        Assert.Contains(
            "is not finished",
            Assert.Throws<PlanException>(() => Cohort.Open(_source.Beside("cohort"))).Message,
            StringComparison.Ordinal);

        var outcome = Run(Import());

        Assert.True(outcome.Kept > 0 && outcome.Kept + outcome.Written == 6, $"{outcome.Kept} kept, {outcome.Written} written");
        Run(Import("at once"));
        var (one, other) = (Files("cohort"), Files("at once"));
        Assert.Equal(other.Keys, one.Keys);
        Assert.All(one, file => Assert.Equal(other[file.Key], file.Value));
    }

    private SortedDictionary<string, byte[]> Files(string folder) => new(
        Directory.GetFiles(_source.Beside(folder), "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(_source.Beside(folder), file), File.ReadAllBytes), StringComparer.Ordinal);

    [Fact]
    public void Twice_is_once_and_the_source_is_only_read()
    {
        _source.AddBrats(3);
        var before = Directory.GetFileSystemEntries(_source.Path, "*", SearchOption.AllDirectories)
            .ToDictionary(entry => entry, File.GetLastWriteTimeUtc);
        Run(Import());
        var files = Files("cohort");

        var outcome = Run(Import());

        Assert.Equal((0, 3), (outcome.Written, outcome.Kept));
        Assert.All(Files("cohort"), file => Assert.Equal(files[file.Key], file.Value));
        Assert.Equal(
            before,
            Directory.GetFileSystemEntries(_source.Path, "*", SearchOption.AllDirectories)
                .ToDictionary(entry => entry, File.GetLastWriteTimeUtc));
    }

    [Fact]
    public void What_a_cohort_lost_is_made_again_with_the_same_bytes_and_named()
    {
        _source.AddBrats(4);
        var sheet = Run(Import()).Sheet;
        var files = Files("cohort");
        string Place(int scan, string name) => $"{sheet.Scans[scan].Split}/{sheet.Scans[scan].Name}/{name}";
        string At(int scan, string name) => _source.Beside($"cohort/{Place(scan, name)}");
        Directory.Delete(At(0, ""), recursive: true);
        File.Delete(At(1, "t1c.nii.gz"));
        using (var cut = File.OpenWrite(At(2, "t1n.nii.gz")))
            cut.SetLength(100);
        var seg = File.ReadAllBytes(At(3, "seg.nii.gz"));
        seg[^1] ^= 1; // of the same size
        File.WriteAllBytes(At(3, "seg.nii.gz"), seg);
        File.WriteAllText(At(3, "notes.txt"), "mine");

        var found = CohortCheck.Run(Cohort.Open(_source.Beside("cohort")), []).Select(finding => $"{finding.File} {finding.Finding}");
        Assert.Contains(found, one => one.StartsWith($"{At(0, "")[..^1]} is missing, and cohort.json lists it", StringComparison.Ordinal));
        Assert.Contains(found, one => one.StartsWith($"{At(1, "t1c.nii.gz")} is missing, ", StringComparison.Ordinal));
        var bytes = files[Place(2, "t1n.nii.gz")].Length;
        Assert.Contains(found, one =>
            one.StartsWith($"{At(2, "t1n.nii.gz")} has 100 bytes, where {bytes} were written, ", StringComparison.Ordinal));
        var outcome = Run(Import());

        Assert.Equal((4, 0), (outcome.Written, outcome.Kept));
        Assert.Equal(
            [
                .. sheet.Scans[0].Written.Keys.Select(name => $"{Place(0, name)} is missing"),
                $"{Place(1, "t1c.nii.gz")} is missing",
                $"{Place(2, "t1n.nii.gz")} has 100 bytes, where {bytes} were written",
                $"{Place(3, "seg.nii.gz")} is another file than was written",
            ],
            outcome.Mended.Select(one => $"{one.Path} {one.Why}"));
        var after = Files("cohort");
        Assert.All(files, file => Assert.Equal(file.Value, after[file.Key]));
        Assert.Equal(seg, after[Place(3, "seg.nii.gz.replaced")]);
        Assert.Equal(3, after.Count - files.Count); // notes, and what two files were
        Assert.Empty(Run(Import()).Mended);
    }

    [Fact]
    public void Scan_that_was_taken_out_on_purpose_is_neither_missed_nor_made_again()
    {
        _source.AddBrats(4);
        var sheet = Run(Import()).Sheet;
        string At(int scan) => _source.Beside($"cohort/{sheet.Scans[scan].Split}/{sheet.Scans[scan].Name}");
        string[] Found() =>
            [.. CohortCheck.Folders(Cohort.Open(_source.Beside("cohort"))).Select(one => $"{one.Patient} {one.Finding}")];
        Directory.Delete(At(2), recursive: true);
        var name = sheet.Scans[2].Name;
        Assert.Equal(
            $"{name} is missing, and cohort.json lists it; the `data import` that made the cohort makes it again, or a line {name} in "
                + "taken_out.txt beside that says that it was taken out on purpose.",
            Assert.Single(Found()));

        File.WriteAllText(_source.Beside("cohort/taken_out.txt"), $"{name} # moved\r\n\nnobody\n{sheet.Scans[3].Patient}\n");

        Assert.Equal(
            [
                $"{sheet.Scans[3].Name} is there, and taken_out.txt says that it was taken out; remove one of the two.",
                "taken_out.txt names nobody, and cohort.json lists neither a scan nor a patient that is called so.",
            ],
            Found());
        Assert.Equal((0, 3), (Run(Import()).Written, Run(Import()).Kept));
        Assert.False(Path.Exists(At(2)));
    }

    [Fact]
    public void Scan_that_was_moved_to_another_split_is_not_made_a_second_time()
    {
        _source.AddBrats(4);
        var scan = Run(Import()).Sheet.Scans.First(one => one.Split == "train");
        Directory.Move(_source.Beside($"cohort/train/{scan.Name}"), _source.Beside($"cohort/test/{scan.Name}"));

        Assert.StartsWith(
            "lies in test now, and cohort.json says train;",
            Assert.Single(CohortCheck.Folders(Cohort.Open(_source.Beside("cohort")))).Finding,
            StringComparison.Ordinal);
        Assert.Contains("lies in test now", Assert.Throws<PlanException>(() => Run(Import())).Message, StringComparison.Ordinal);
        Assert.False(Path.Exists(_source.Beside($"cohort/train/{scan.Name}")));
    }

    [Fact]
    public void Import_that_goes_on_makes_what_was_damaged_meanwhile_again()
    {
        _source.AddBrats(4);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Import().Run(
            progress =>
            {
                if (progress.Done == 6) // two are written
                    stop.Cancel();
            },
            stop.Token));
        var written = Directory.GetFiles(_source.Beside("cohort"), "t1c.nii.gz", SearchOption.AllDirectories)
            .First(file => !file.Contains(".importing", StringComparison.Ordinal));
        using (var cut = File.OpenWrite(written))
            cut.SetLength(100);

        Run(Import());

        Run(Import("at once"));
        var (one, other) = (Files("cohort"), Files("at once"));
        Assert.All(one, file => Assert.Equal(other[file.Key], file.Value));
    }

    [Fact]
    public void Link_that_is_lost_is_made_again()
    {
        _source.Add("a/t1.nii.gz").Add("b/t1.nii.gz").Add("c/t1.nii.gz");
        var sheet = Make(Kept with { Link = true });
        var link = Path.Combine(_source.Beside("cohort"), sheet.Scans[0].Split, sheet.Scans[0].Name, "t1.nii.gz");
        File.Delete(link);
        File.CreateSymbolicLink(link, "nowhere");

        Assert.Equal("is missing", Assert.Single(Run(Import(recipe: Kept with { Link = true })).Mended).Why);

        Assert.Equal(_source.At($"{sheet.Scans[0].Name}/t1.nii.gz"), new FileInfo(link).LinkTarget);
    }

    [Fact]
    public void Other_recipe_other_source_and_other_things_are_refused()
    {
        _source.AddBrats(3);
        Run(Import());

        Assert.Contains(
            "was imported otherwise (seed 0)",
            Assert.Throws<PlanException>(() => Run(Import(recipe: Kept with { Seed = 1 }))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "lie within each other",
            Assert.Throws<PlanException>(() => Run(Import("in/cohort"))).Message,
            StringComparison.Ordinal);
        _source.Add("BraTS-MET-00000-000/BraTS-MET-00000-000-t1c.nii.gz", "RSA");
        Assert.Contains("1 files of", Assert.Throws<PlanException>(() => Run(Import())).Message, StringComparison.Ordinal);
        _source.Add("BraTS-MET-00009-000/BraTS-MET-00009-000-t1c.nii.gz");
        Assert.Contains("has other files", Assert.Throws<PlanException>(() => Run(Import())).Message, StringComparison.Ordinal);
        File.WriteAllText(_source.Beside("notes"), "");
        Assert.Contains("is a file", Assert.Throws<PlanException>(() => Run(Import("notes"))).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(_source.Beside("things/more"));
        Assert.Contains("holds other things", Assert.Throws<PlanException>(() => Run(Import("things"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_used_is_left_out_and_named_and_the_rest_is_imported()
    {
        _source.AddBrats(3)
            .Add("P4/P4-t1c.nii.gz").Add("P4/P4-seg.nii.gz", at: MadeSource.Ball(6), shift: 12) // as many voxels, elsewhere
            .Add("P5/P5-t1c.nii.gz").Add("P5/P5-seg.nii.gz", voxels: 12, at: (_, _, _) => 1, shift: 70) // of another head
            .Add("P6/P6-t1c.nii.gz").Add("P6/P6-seg.nii.gz", voxels: 12, at: MadeSource.Ball(6)) // on a grid of its own
            .Add("P7/P7-t1c.nii.gz", at: (x, y, z) => x > 0 ? double.NaN : MadeSource.Head(x, y, z));
        File.WriteAllBytes(_source.At("P8/P8-t1c.nii.gz"), new Nifti.NiftiBytes().Dim(4, 4, 4, 4, 3).Type(2).With(new byte[192]));
        File.WriteAllText(_source.At("P9/P9-t1c.nii"), "no volume");

        var sheet = Make();

        string Why(string path) => sheet.LeftOut.Single(left => left.Path == path).Why;
        Assert.StartsWith("has as many voxels as t1c and lies up to 12 mm from it", Why("P4/P4-seg.nii.gz"), StringComparison.Ordinal);
        Assert.Contains("a mask in another space: ", Why("P5"), StringComparison.Ordinal);
        Assert.Contains(
            "P7/P7-t1c.nii.gz that cannot be used: it has 4000 voxels that are not finite",
            Why("P7"),
            StringComparison.Ordinal);
        Assert.StartsWith("has 4×4×4×3 voxels, which is not one volume", Why("P8/P8-t1c.nii.gz"), StringComparison.Ordinal);
        Assert.StartsWith("cannot be read: ", Why("P9/P9-t1c.nii"), StringComparison.Ordinal);
        Assert.Equal(
            ["BraTS-MET-00000_000", "BraTS-MET-00001_000", "BraTS-MET-00002_000", "P4", "P6"],
            sheet.Scans.Select(scan => scan.Name).Order(StringComparer.Ordinal));
        Assert.False(sheet.Scans.Single(scan => scan.Name == "P4").Files.ContainsKey("seg"));
        var ball = MadeSource.Ball(6);
        Assert.True(
            Places(Read(sheet, "P6", "seg"))
                .Count(voxel => voxel.Value == ball(voxel.X, voxel.Y, voxel.Z)) > 0.99 * sheet.Shape[0] * sheet.Shape[1] * sheet.Shape[2]);
        Assert.DoesNotContain(CohortCheck.Run(Cohort.Open(_source.Beside("cohort")), ["t1c"]), finding => finding.Refused);
    }

    [Fact]
    public void Links_are_to_files_that_need_no_change_and_the_others_are_written()
    {
        _source.Add("a/t1.nii.gz").Add("a/seg.nii", at: MadeSource.Ball(6, label: 1)).Add("b/t1.nii.gz", "LPS")
            .Add("b/seg.nii", "LPS", at: MadeSource.Ball(6, label: 4)).Add("c/t1.nii.gz");

        var sheet = Make(Kept with { Link = true });

        string File(string scan, string name) =>
            Path.Combine(_source.Beside("cohort"), sheet.Scans.Single(one => one.Name == scan).Split, scan, name);
        Assert.Equal(_source.At("a/t1.nii.gz"), new FileInfo(File("a", "t1.nii.gz")).LinkTarget);
        Assert.Equal(_source.At("a/seg.nii"), new FileInfo(File("a", "seg.nii")).LinkTarget);
        Assert.Null(new FileInfo(File("b", "t1.nii.gz")).LinkTarget);
        Assert.Equal(Read(sheet, "a", "t1").Intensities.ToArray(), Read(sheet, "b", "t1").Intensities.ToArray());
        Assert.Equal(1, NiftiFile.Read(File("b", "seg.nii.gz")).Max);
        Assert.Equal([true, false, true], sheet.Scans.OrderBy(scan => scan.Name).Select(scan => scan.Files["t1"].Linked));
    }

    [Fact]
    public void Damaged_sheet_is_refused()
    {
        _source.AddBrats(3);
        Make();
        var sheet = Path.Combine(_source.Beside("cohort"), CohortSheet.FileName);
        File.WriteAllText(sheet, File.ReadAllText(sheet).Replace("\"seed\": 0", "\"seed\": 1", StringComparison.Ordinal));

        Assert.Contains(
            "is not what `data import` wrote",
            Assert.Throws<PlanException>(() => Cohort.Open(_source.Beside("cohort"))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[")]
    public void Sheet_of_another_form_is_refused_in_words(string text)
    {
        _source.AddBrats(3);
        Make();
        File.WriteAllText(Path.Combine(_source.Beside("cohort"), CohortSheet.FileName), text);

        var sentence = Assert.Throws<PlanException>(() => Cohort.Open(_source.Beside("cohort"))).Message;

        Assert.Contains("is not what `data import` wrote", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("VoxelZoo.", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train", "../../victim")]
    [InlineData("train", "..")]
    [InlineData("train", ".")]
    [InlineData("train", "")]
    [InlineData("train", "a/b")]
    [InlineData("train", "/victim")]
    [InlineData("..", "victim")]
    public void Scan_is_written_directly_below_its_split_or_nowhere(string split, string name)
    {
        var cohort = _source.Beside("cohort");

        Assert.Equal(Path.Combine(cohort, "val", "P1_2"), ScanFolder.Of(cohort, "val", "P1_2"));
        Assert.Throws<PlanException>(() => ScanFolder.Of(cohort, split, name));
    }

    [Fact]
    public void Scan_is_not_written_behind_a_link()
    {
        var (cohort, elsewhere) = (_source.Beside("cohort"), _source.Beside("elsewhere"));
        Directory.CreateDirectory(cohort);
        Directory.CreateDirectory(elsewhere);
        Directory.CreateSymbolicLink(Path.Combine(cohort, "train"), elsewhere);

        Assert.Throws<PlanException>(() => ScanFolder.Of(cohort, "train", "a"));
    }

    [Fact]
    public void Labels_that_no_mask_has_are_refused_and_nothing_is_left()
    {
        _source.AddBrats(3);

        Assert.Equal(
            "--labels 7:tumour: no mask has any of these labels; there are 1, 2, 3.",
            Assert.Throws<PlanException>(() => Make(Kept with { Labels = ["7:tumour"] })).Message);
        Assert.False(Path.Exists(_source.Beside("cohort")));
    }

    [Fact]
    public void Spacing_beyond_the_head_is_refused_with_what_is_sensible()
    {
        _source.AddBrats(3);

        Assert.Equal(
            "--spacing 500 leaves 1×1×1 voxels of BraTS-MET-00000_000, whose image is 60×60×60 mm large; the files' own voxels are those "
                + "of --spacing 3 3 3: leave it out, or choose one near that.",
            Assert.Throws<PlanException>(() => Make(Kept with { Spacing = [500, 500, 500] })).Message);
        Assert.False(Path.Exists(_source.Beside("cohort")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(double.NaN)]
    [InlineData(1e9)]
    public void Spacing_that_is_none_is_refused_with_what_is_asked_for(double size) =>
        Assert.Equal(
            FormattableString.Invariant($"--spacing {size}: expected a voxel size in mm above 0.001 and below 1000, as in --spacing 1, or ")
                + "three of them, towards right, front and top.",
            Assert.Throws<PlanException>(() =>
                ImportPlan.Of(SourceListing.Of(_source.Add("a/t1.nii.gz").Path), Kept with { Spacing = [size, size, size] })).Message);

    [Fact]
    public void Refusal_after_scans_were_looked_at_leaves_what_was_there_and_nothing_else()
    {
        _source.Add("a/t1.nii.gz", at: (_, _, _) => 7).Add("b/t1.nii.gz", at: (_, _, _) => 8);
        Directory.CreateDirectory(_source.Beside("cohort"));

        Assert.Contains(
            "a has an image t1 that is 7 everywhere",
            Assert.Throws<PlanException>(() => Make(Kept with { Intensity = "zscore" })).Message,
            StringComparison.Ordinal);

        Assert.Empty(Directory.GetFileSystemEntries(_source.Beside("cohort")));
        Assert.Equal(2, Make().Scans.Count);
    }

    [Fact]
    public void Labels_of_which_some_are_in_no_mask_are_named_for_good()
    {
        _source.AddBrats(3);

        var sheet = Make(Kept with { Labels = ["1,4,7:tumour", "2:oedema"] });

        const string warning = "--labels names the labels 4, 7 for seg, which no mask has; they have 1, 2, 3";
        Assert.Equal([warning], sheet.Warnings);
        Assert.Contains(
            CohortCheck.Run(Cohort.Open(_source.Beside("cohort")), []),
            finding => finding.Finding == $"was made with a warning: {warning}.");
    }

    [Fact]
    public void Volumes_beyond_memory_or_disk_are_refused_with_what_is_sensible()
    {
        _source.Add("a/t1.nii.gz").Add("a/t2.nii.gz").Add("a/seg.nii.gz", at: MadeSource.Ball(6)).Add("b/t1.nii.gz").Add("c/t1.nii.gz");
        var listing = SourceListing.Of(_source.Path);
        var plan = ImportPlan.Of(listing, Kept with { Spacing = [0.5, 0.5, 1], Labels = ["1:tumour", "2:oedema"] });
        var size = ImportSize.Of(plan);

        // 20 voxels of 3 mm along each axis; four images of four bytes and two masks of one
        Assert.Equal([120, 120, 60], size.Largest);
        Assert.Equal((4 * 4 + 2) * 120 * 120 * 60, size.Bytes);
        size.Require(plan, 3 * 4 * 120 * 120 * 60, (long)size.Bytes / 8);
        Assert.Equal(
            "--spacing 0.5 0.5 1 makes volumes of up to 120×120×60 voxels, of which 3 at once take 9.9 MiB of memory, and there "
                + "are 1.0 MiB; the files' own voxels are those of --spacing 3 3 3: leave it out, or choose one near that.",
            Assert.Throws<PlanException>(() => size.Require(plan, 1 << 20, long.MaxValue)).Message);
        Assert.Equal(
            "--spacing 0.5 0.5 1 makes 14.8 MiB of volumes, which take 1.9 MiB at least when they are packed, and 1.0 MiB are free; "
                + "the files' own voxels are those of --spacing 3 3 3: leave it out, or choose one near that, or name another disk with "
                + "--to.",
            Assert.Throws<PlanException>(() => size.Require(plan, long.MaxValue, 1 << 20)).Message);
    }

    [Fact]
    public void Stop_is_heeded_within_a_volume()
    {
        _source.Add("a/t1.nii.gz");
        var volume = NiftiFile.Read(_source.At("a/t1.nii.gz"));
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.Throws<OperationCanceledException>(() => Resampler.Linear(volume, FileGrid.Oriented(volume.Header), 0, stop.Token));
        Assert.Throws<OperationCanceledException>(() => Resampler.Nearest(volume, FileGrid.Oriented(volume.Header), 0, stop.Token));
    }

    [Fact]
    public void Splits_that_are_spelt_otherwise_are_said()
    {
        _source.Add("Training/a/t1.nii.gz").Add("validation/b/t1.nii.gz").Add("test/c/t1.nii.gz");

        var plan = ImportPlan.Of(SourceListing.Of(_source.Path), Kept);

        Assert.Equal(
            "splits are spelt otherwise: Training is taken as train, validation is taken as val",
            Assert.Single(plan.Told));
        Assert.All(plan.Counts(), split => Assert.Equal(1, split.Value));
    }

    [Theory]
    [InlineData("percentile 99 1")]
    [InlineData("percentile low high")]
    [InlineData("fixed 1")]
    [InlineData("sharpen")]
    public void Intensity_rule_that_there_is_not_is_refused(string rule) =>
        Assert.Contains(
            "expected percentile LOW HIGH",
            Assert.Throws<PlanException>(() => IntensityRule.Parse(rule)).Message,
            StringComparison.Ordinal);
}
