using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;

namespace VoxelZoo.Engine.Tests.Data.Import;

/// <summary>What is taken for what, by names alone; the files are empty.</summary>
public sealed class SourceListingTests : IDisposable
{
    private readonly MadeSource _source = new();

    public void Dispose() => _source.Dispose();

    private SourceListing List(string layout = "auto", string? table = null, params string[] map) =>
        SourceListing.Of(_source.Path, layout, table, map);

    private void Touch(params string[] files)
    {
        foreach (var file in files)
            File.WriteAllText(_source.At(file), "");
    }

    private static string[] Kinds(SourceListing listing) => [.. listing.Kinds.Select(kind => $"{kind.Kind} {kind.Files}")];

    public static TheoryData<string, string[], string, string[]> Layouts => new()
    {
        {
            "brats",
            [
                "Training/BraTS-GLI-00001-000/BraTS-GLI-00001-000-t1c.nii.gz",
                "Training/BraTS-GLI-00001-000/BraTS-GLI-00001-000-seg.nii.gz",
                "Training/BraTS-GLI-00001-001/BraTS-GLI-00001-001-t1c.nii.gz"
            ],
            "BraTS-GLI-00001 000, BraTS-GLI-00001 001",
            ["t1c 2", "seg 1"]
        },
        {
            "brats",
            [
                "BraTS20_Training_001/BraTS20_Training_001_t1ce.nii",
                "BraTS20_Training_001/BraTS20_Training_001_flair.nii",
                "BraTS20_Training_002/BraTS20_Training_002_flair.NII.GZ"
            ],
            "BraTS20_Training_001 , BraTS20_Training_002 ",
            ["flair 2", "t1ce 1"]
        },
        {
            "bids",
            [
                "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
                "sub-01/ses-b/anat/sub-01_ses-b_ce-gd_T1w.nii.gz",
                "derivatives/x/sub-01/ses-a/anat/sub-01_ses-a_dseg.nii.gz",
                "sub-02/anat/sub-02_T2w.nii"
            ],
            "sub-01 ses-a, sub-01 ses-b, sub-02 ",
            ["t1w 1", "t1w_gd 1", "t2w 1", "seg 1"]
        },
        {
            "nnunet",
            ["imagesTr/case_1_0000.nii.gz", "imagesTr/case_1_0001.nii.gz", "labelsTr/case_1.nii.gz", "imagesTs/case_2_0000.nii.gz"],
            "case_1 , case_2 ",
            ["channel_0000 2", "channel_0001 1", "seg 1"]
        },
        {
            "folders",
            ["train/Müller, Jörg/T1 KM.nii.gz", "train/Müller, Jörg/Tumor.nii.gz", "val/P2/2021/P2_2021_adc.nii.gz"],
            "Müller, Jörg , P2 2021",
            ["adc 1", "t1_km 1", "seg 1"]
        },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Layout_is_recognised(string layout, string[] files, string scans, string[] kinds)
    {
        Touch(files);

        var listing = List();

        Assert.Equal(layout, listing.Layout);
        Assert.Equal(scans, string.Join(", ", listing.Scans.Select(scan => $"{scan.Patient} {scan.Visit}")));
        Assert.Equal(kinds, Kinds(listing));
        Assert.Empty(listing.LeftOut);
    }

    [Fact]
    public void Splits_of_the_source_are_known()
    {
        Touch("train/a/t1.nii", "test/b/t1.nii", "val/c/t1.nii");

        Assert.Equal(["train", "test", "val"], List().Scans.Select(scan => scan.Split!));
    }

    [Fact]
    public void Splits_of_the_source_are_known_in_other_spellings()
    {
        Touch("Train/a/t1.nii", "TESTING/b/t1.nii", "validation/c/t1.nii", "valid/d/t1.nii");

        Assert.Equal(
            ["a train", "b test", "c val", "d val"],
            List().Scans.Select(scan => $"{scan.Patient} {scan.Split}"));
    }

    [Theory]
    [InlineData("train/sub-01/anat/sub-01_T1w.nii.gz", "validation/sub-02/anat/sub-02_T1w.nii.gz", "bids")]
    [InlineData("Set/train/sub-01/sub-01_t1.nii.gz", "Set/validation/sub-02/sub-02_t1.nii.gz", "brats")]
    public void Split_folders_of_every_layout_are_kept(string train, string val, string layout)
    {
        Touch(train, val);

        var listing = List();

        Assert.Equal(layout, listing.Layout);
        Assert.Equal(["sub-01 train", "sub-02 val"], listing.Scans.Select(scan => $"{scan.Patient} {scan.Split}"));
        Assert.Empty(listing.Told);
        Assert.Empty(listing.LeftOut);
    }

    [Fact]
    public void Masks_below_derivatives_go_with_the_images_of_a_split()
    {
        Touch(
            "train/sub-01/anat/sub-01_T1w.nii.gz",
            "derivatives/x/sub-01/anat/sub-01_dseg.nii.gz",
            "test/sub-02/anat/sub-02_T1w.nii.gz",
            "test/derivatives/x/sub-02/anat/sub-02_dseg.nii.gz");

        Assert.Equal(
            ["sub-01 train t1w seg", "sub-02 test t1w seg"],
            List().Scans.Select(scan => $"{scan.Patient} {scan.Split} {string.Join(' ', scan.Kinds)}"));
    }

    [Fact]
    public void One_folder_that_is_called_training_is_no_split_and_said()
    {
        Touch("Training/A-00001-000/A-00001-000-t1c.nii.gz", "Training/A-00002-000/A-00002-000-t1c.nii.gz");

        var listing = List();

        Assert.All(listing.Scans, scan => Assert.Null(scan.Split));
        Assert.Equal(
            "all images lie in a folder Training, which is not taken for a split, as there is no other one",
            Assert.Single(listing.Told));
    }

    [Fact]
    public void Scan_in_two_splits_is_refused()
    {
        Touch("train/sub-01/anat/sub-01_T1w.nii.gz", "test/sub-01/anat/sub-01_T1w.nii.gz");

        Assert.StartsWith(
            "sub-01 is in test and in train; a scan belongs to one split",
            Assert.Throws<PlanException>(() => List()).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Hidden_entries_are_passed_over_and_counted()
    {
        Touch("a/t1.nii", "a/._t1.nii", ".git/annex/x.nii", "b/.DS_Store", "b/t1.nii");

        var listing = List();

        Assert.Equal("3 entries are hidden and passed over: .git, a/._t1.nii, b/.DS_Store", Assert.Single(listing.Told));
        Assert.Equal(["a", "b"], listing.Scans.Select(scan => scan.Name));
    }

    [Theory]
    [InlineData("{\"channel_names\": {\"0\": \"T1\"", "this is not JSON, or JSON that was cut off")]
    [InlineData("[1]", "it holds no object with names in braces")]
    [InlineData("{\"channel_names\": [\"T1\"]}", "`channel_names` is no object such as {\"0\": \"T1\"}")]
    [InlineData("{\"modality\": {\"0\": 7}}", "`modality` has no name for the channel 0")]
    [InlineData("{\"channel_names\": {\"T1\": 0}}", "`channel_names` has the key `T1`, where the number of a channel is expected")]
    [InlineData("{\"channel_names\": {\"0\": \"T1\", \"0\": \"T2\"}}", "a key is there twice")]
    public void Broken_names_of_channels_are_said_in_words(string json, string why)
    {
        Touch("imagesTr/case_0000.nii.gz");
        File.WriteAllText(_source.At("dataset.json"), json);

        var sentence = Assert.Throws<PlanException>(() => List()).Message;

        Assert.StartsWith(
            $"{_source.At("dataset.json")} cannot be read, so that the channels have no names: ", sentence, StringComparison.Ordinal);
        Assert.EndsWith($"{why}; correct it.", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("BytePosition", sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "channel_0000, channel_0001: there is no dataset.json; --map \"*_0000=t1\" says what a channel is")]
    [InlineData("{}", "channel_0000, channel_0001: dataset.json does not name them; --map \"*_0000=t1\" says what a channel is")]
    [InlineData(
        "{\"channel_names\": {\"0\": \"T1\"}}", "channel_0001: dataset.json does not name it; --map \"*_0001=t1\" says what a channel is")]
    [InlineData(
        "{\"channel_names\": {\"0\": \"T1\", \"1\": \"T2\"}, \"file_ending\": \".mha\"}",
        "dataset.json says that files end in .mha (file_ending), and those that end in .nii.gz and .nii are taken")]
    public void Channels_without_name_and_another_ending_are_said(string? json, string told)
    {
        Touch("imagesTr/case_0000.nii.gz", "imagesTr/case_0001.nii.gz");
        if (json is not null)
            File.WriteAllText(_source.At("dataset.json"), json);

        Assert.Equal(told, Assert.Single(List().Told));
    }

    [Fact]
    public void What_is_no_nifti_and_names_that_are_too_long_for_a_folder_are_said()
    {
        var name = new string('x', 150);
        Touch("a/t1.nii.gz", "a/t2.MHA", "a/t1.json", $"{name}/{name}/t1.nii.gz");
        new MadeDicom { Slices = 3 }.Write(_source.At("b"));

        var listing = List();

        Assert.Equal(
            [
                "3 files of DICOM are passed over, as there is NIfTI: b/IM003_0000.dcm …; --layout dicom takes them, and no NIfTI",
                "1 file of a format that is not read is passed over: a/t2.MHA; write them as .nii.gz",
            ],
            listing.Told);
        Assert.Equal(["a"], listing.Scans.Select(scan => scan.Name));
        Assert.Equal(
            "is of a patient whose name with the visit has 301 bytes, of 200 at most, and a folder of the cohort is called after it",
            listing.LeftOut.Single(left => left.Path.EndsWith("t1.nii.gz", StringComparison.Ordinal)).Why);
    }

    [Fact]
    public void Splits_of_a_table_are_known_in_other_spellings()
    {
        Touch("x.nii");
        var file = _source.Beside("table.csv");
        File.WriteAllText(file, "patient,split,t1c\nA,Training,x.nii\nB,Valid,x.nii\n");

        Assert.Equal(["train", "val"], List("csv", file).Scans.Select(scan => scan.Split!));
    }

    [Theory]
    [InlineData("patient,visit,kind,path\nA,1,t1c,x.nii\nA,1,seg,\"y, z.nii\"\n")]
    [InlineData("Patient;Visit;T1C;Seg\r\nA;1;x.nii;y, z.nii\r\n")]
    public void Table_says_what_is_what(string table)
    {
        Touch("x.nii", "y, z.nii");
        var file = _source.Beside("table.csv");
        File.WriteAllText(file, table);

        var scan = Assert.Single(List("csv", file).Scans);

        Assert.Equal(("A", "1", "x.nii", "y, z.nii"), (scan.Patient, scan.Visit, scan.Images["t1c"], scan.Images["seg"]));
    }

    [Theory]
    [InlineData("..,1", "the patient `..` stands for another folder")]
    [InlineData(".,1", "the patient `.` stands for another folder")]
    [InlineData("../../victim,1", "the patient `../../victim` has a separator of folders")]
    [InlineData("/,1", "the patient `/` has a separator of folders")]
    [InlineData("A\\1,1", "the patient `A\\1` has a separator of folders")]
    [InlineData(",1", "the patient `` is empty")]
    [InlineData(".hidden,1", "the patient `.hidden` begins with a dot")]
    [InlineData("A\u0001,1", "the patient `A` has a control character")]
    [InlineData("A,../x", "the visit `../x` has a separator of folders")]
    public void Name_that_would_be_another_folder_is_refused_with_its_line(string names, string sentence)
    {
        Touch("x.nii");
        var file = _source.Beside("table.csv");
        File.WriteAllText(file, $"patient,visit,t1c\nP,1,x.nii\n{names},x.nii\n");

        Assert.StartsWith(
            $"{file}:3: {sentence}",
            Assert.Throws<PlanException>(() => List("csv", file)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Table_without_images_is_refused()
    {
        Touch("x.nii");
        var file = _source.Beside("table.csv");
        File.WriteAllText(file, "patient,split\nA,train\n");

        Assert.StartsWith(
            $"{file}:1: no column names images: its columns are patient, split; add `kind` and `path`",
            Assert.Throws<PlanException>(() => List("csv", file)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Table_of_empty_cells_is_refused()
    {
        Touch("x.nii");
        var file = _source.Beside("table.csv");
        File.WriteAllText(file, "patient,t1c\nA,\n");

        Assert.Contains("names no image", Assert.Throws<PlanException>(() => List("csv", file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tumor_mask", "seg")]
    [InlineData("GTV1", "seg")]
    [InlineData("T1_mask", "seg_t1")]
    [InlineData("brain-seg", "seg_brain")]
    [InlineData("label2", "seg")]
    [InlineData("roi_left", "seg_left")]
    [InlineData("masked", "masked")]
    public void Mask_is_never_taken_as_an_image(string file, string kind)
    {
        Touch("a/t1.nii", $"a/{file}.nii");

        Assert.Equal(ImageKinds.Ordered([$"{kind}", "t1"]).Select(one => $"{one} 1"), Kinds(List()));
    }

    [Fact]
    public void Several_masks_of_tumours_in_one_scan_are_asked_about()
    {
        Touch("a/t1.nii", "a/GTV1.nii", "a/GTV2.nii");

        Assert.StartsWith(
            "a has several masks of tumours, such as a/GTV1.nii and a/GTV2.nii; say what they are, as in --map",
            Assert.Throws<PlanException>(() => List()).Message,
            StringComparison.Ordinal);
        Assert.Equal(["t1 1", "seg 1", "seg_other 1"], Kinds(List(map: ["*GTV1=seg", "*GTV2=seg_other"])));
    }

    [Fact]
    public void Map_names_kinds_and_leaves_files_out()
    {
        Touch("p1/p1_x.nii.gz", "p1/p1_y.nii.gz", "p1/p1_z.nii.gz");

        var listing = List(map: ["*_X=adc", "*_y="]);

        Assert.Equal(["adc 1", "z 1"], Kinds(listing));
        Assert.Equal(
            ("p1/p1_y.nii.gz", "is left out by --map"),
            Assert.Single(listing.LeftOut) is var left ? (left.Path, left.Why) : default);
    }

    [Fact]
    public void What_is_not_taken_is_named_with_its_reason()
    {
        Touch(
            "sub-01/ses-1/anat/sub-01_ses-1_run-2_T1w.nii.gz",
            "sub-01/ses-1/anat/sub-01_ses-1_run-1_T1w.nii.gz",
            "sub-01/ses-1/func/sub-01_ses-1_bold.nii.gz",
            "derivatives/d/sub-01/ses-1/anat/sub-01_ses-1_space-MNI152_label-lesion_mask.nii.gz",
            "derivatives/d/sub-01/ses-1/anat/sub-01_ses-1_desc-brain_mask.nii.gz");
        Directory.CreateDirectory(_source.At("sub-01/ses-2/anat/x")[..^2]);
        File.CreateSymbolicLink(_source.At("sub-02/anat/sub-02_T1w.nii.gz"), "../../.git/annex/objects/no/where");

        var listing = List();

        var scan = Assert.Single(listing.Scans);
        Assert.Equal("sub-01/ses-1/anat/sub-01_ses-1_run-1_T1w.nii.gz", Assert.Single(scan.Images).Value);
        var why = listing.LeftOut.ToDictionary(left => left.Path, left => left.Why);
        Assert.StartsWith(
            "is one more t1w of the same scan",
            why["sub-01/ses-1/anat/sub-01_ses-1_run-2_T1w.nii.gz"],
            StringComparison.Ordinal);
        Assert.StartsWith(
            "lies in the space MNI152",
            why["derivatives/d/sub-01/ses-1/anat/sub-01_ses-1_space-MNI152_label-lesion_mask.nii.gz"],
            StringComparison.Ordinal);
        Assert.StartsWith(
            "is a link that leads nowhere; where it is DataLad's",
            why["sub-02/anat/sub-02_T1w.nii.gz"],
            StringComparison.Ordinal);
        Assert.Equal("is not in a folder anat", why["sub-01/ses-1/func/sub-01_ses-1_bold.nii.gz"]);
        Assert.Equal("holds no image that is taken", why["sub-01/ses-2"]);
        Assert.Equal("holds no image that is taken", why["sub-02"]);
        Assert.Contains("derivatives/d/sub-01/ses-1/anat/sub-01_ses-1_desc-brain_mask.nii.gz", why.Keys);
        Assert.Equal(7, why.Count);
    }

    [Fact]
    public void Compressed_file_is_taken_before_its_copy()
    {
        Touch("a/t1.nii", "a/t1.nii.gz");

        var listing = List();

        Assert.Equal("a/t1.nii.gz", listing.Scans[0].Images["t1"]);
        Assert.Equal("a/t1.nii", Assert.Single(listing.LeftOut).Path);
    }

    [Fact]
    public void Link_back_to_a_folder_above_is_followed_once()
    {
        Touch("a/t1.nii");
        Directory.CreateSymbolicLink(_source.At("a/again"), _source.Path);

        Assert.Single(List().Scans);
    }

    [Theory]
    [InlineData("slices/a.dcm", "holds files such as slices/a.dcm, of which none is an image that can be read as DICOM, and no NIfTI")]
    [InlineData("notes.txt", "holds no file that ends in .nii or .nii.gz")]
    [InlineData("alone.nii", "is recognised: it holds images such as alone.nii")]
    public void Nothing_that_could_be_taken_is_refused(string file, string sentence)
    {
        Touch(file);

        Assert.Contains(sentence, Assert.Throws<PlanException>(() => List()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*_t9=t9", "fits none of the 1 images")]
    [InlineData("t1", "expected PATTERN=KIND")]
    [InlineData("*=T1", "a kind is called by lower-case letters")]
    public void Map_that_means_nothing_is_refused(string map, string sentence)
    {
        Touch("a/t1.nii");

        Assert.Contains(sentence, Assert.Throws<PlanException>(() => List(map: [map])).Message, StringComparison.Ordinal);
    }
}
