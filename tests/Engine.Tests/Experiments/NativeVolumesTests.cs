using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Data.Import;

namespace VoxelZoo.Engine.Tests.Experiments;

/// <summary>Samples that are a patient's own images, as a network that has learned them by heart would generate them.</summary>
public sealed class NativeVolumesTests : IDisposable
{
    private readonly MadeSource _source = new();
    private readonly TemporaryFolder _run = new();

    public void Dispose()
    {
        _source.Dispose();
        _run.Dispose();
    }

    private Cohort Import(string intensity)
    {
        _source.AddBrats(3);
        var recipe = new ImportRecipe { Layout = "", Intensity = intensity };
        new CohortImport(ImportPlan.Of(SourceListing.Of(_source.Path), recipe), _source.Beside("cohort"))
            .Run(null, TestContext.Current.CancellationToken);
        return Cohort.Open(_source.Beside("cohort"));
    }

    /// <summary>A sample of a patient's own images, scaled as a network sees them.</summary>
    private string Sample(Cohort cohort, CohortPatient patient, string name = "00000")
    {
        var folder = Path.GetDirectoryName(_run.File($"samples/{name}/{SampleFolder.RecordName}"))!;
        foreach (var kind in new[] { "t1c", "seg" })
        {
            var (volume, span) = (NiftiFile.Read(patient.File(kind)), cohort.Sheet!.SpanOf(kind) ?? new IntensitySpan(0, 1));
            var (shape, sizes) = (volume.Shape, volume.Spacing);
            NiftiFile.Write<float>(
                Path.Combine(folder, kind + ".nii.gz"),
                [.. volume.Turned().Select(value => (float)((value - span.Low) / (span.High - span.Low)))],
                shape,
                sizes,
                volume.Header.Affine,
                "made");
        }

        AtomicFile.WriteJson(Path.Combine(folder, SampleFolder.RecordName), new SampleRecord
        {
            Name = name,
            Experiment = "e",
            ExperimentSha256 = "",
            Plugins = new Dictionary<string, string>(),
            Checkpoint = "c",
            CheckpointSha256 = "",
            Weights = "ema",
            WeightsSha256 = "",
            Sampler = "euler",
            SamplerOptions = new JsonObject(),
            FunctionEvaluations = 1,
            Guidance = 1,
            Seed = 1,
            Condition = patient.Name,
            AffineOf = $"{patient.Name}/seg",
        });
        return folder;
    }

    [Theory]
    [InlineData("percentile 0 100")]
    [InlineData("zscore")]
    [InlineData("fixed 0 1000")]
    public void What_import_did_to_places_and_intensities_is_undone(string intensity)
    {
        var cohort = Import(intensity);
        var patient = cohort.Patients.Single(one => one.Name == "BraTS-MET-00000_000"); // LPS

        var sample = Sample(cohort, patient);
        new NativeVolumes(cohort, Normalization.Cohort).Write(sample);

        foreach (var kind in new[] { "t1c", "seg" })
        {
            var (native, before) = (
                NiftiFile.Read(Path.Combine(sample, "native", kind + ".nii.gz")),
                NiftiFile.Read(_source.At($"BraTS-MET-00000-000/BraTS-MET-00000-000-{kind}.nii.gz")));
            Assert.Equal(before.Header.Shape, native.Header.Shape);
            Assert.Equal(before.Header.Affine, native.Header.Affine);
            Assert.Equal("made", Assert.Single(native.Header.Comments));
            Assert.All(
                before.Intensities.ToArray().Zip(native.Intensities.ToArray()).Where(pair => pair.First > 0),
                pair => Assert.Equal(kind == "seg" ? 1 : pair.First, pair.Second, 1e-2f));
        }
    }

    [Theory]
    [InlineData(ExportLayout.Bids, "bids", "t1w_gd, seg")]
    [InlineData(ExportLayout.Nnunet, "nnunet", "t1c, seg")]
    public void Exported_samples_are_read_again_as_a_data_set(ExportLayout layout, string name, string kinds)
    {
        var cohort = Import("percentile 0 100");
        Sample(cohort, cohort.Patients[0]);
        Sample(cohort, cohort.Patients[1], "00001");
        File.WriteAllText(_run.File("experiment.yaml"), "id: e\n");
        var target = _source.Beside("exported");

        Assert.Equal(2, new SampleExport(RunFolder.Open(_run.Path)).Write(layout, target));

        var listing = SourceListing.Of(target);
        Assert.Equal((name, kinds, 2), (listing.Layout, string.Join(", ", listing.Kinds.Select(kind => kind.Kind)), listing.Scans.Count));
        Assert.Empty(listing.LeftOut);
        Assert.False(File.Exists(Path.Combine(target, "left_out.json")));
        Assert.Contains(
            Directory.GetFiles(target, "*.json", SearchOption.AllDirectories),
            file => File.ReadAllText(file).Contains("\"Synthetic\": true", StringComparison.Ordinal));
        Assert.Throws<PlanException>(() => new SampleExport(RunFolder.Open(_run.Path)).Write(layout, target));
    }

    [Fact]
    public void Export_that_is_stopped_leaves_nothing_and_the_next_removes_what_a_killed_one_left()
    {
        var cohort = Import("percentile 0 100");
        Sample(cohort, cohort.Patients[0]);
        File.WriteAllText(_run.File("experiment.yaml"), "id: e\n");
        var (run, target) = (RunFolder.Open(_run.Path), _source.Beside("exported"));
        string Beside(string name) => $"{target}.{name}.tmp";
        string[] Made() => [.. Directory.GetDirectories(Path.GetDirectoryName(target)!, "exported*").Order(StringComparer.Ordinal)];
        using (var stop = new CancellationTokenSource())
        {
            // it warns of samples that have no volumes on the patient's grid when it has begun
            var stopped = new SampleExport(run) { Warned = _ => stop.Cancel(), Stop = stop.Token };
            Assert.Throws<OperationCanceledException>(() => stopped.Write(ExportLayout.Dicom, target));
        }

        Assert.Empty(Made());
        using var other = HeldFolder.Make(Beside(new string('a', 32))); // another process writes into it
        Directory.CreateDirectory(Beside("notes")); // somebody's own
        Directory.CreateDirectory(Beside(new string('b', 32)));
        File.WriteAllText(Path.Combine(Beside(new string('b', 32)), "held"), ""); // as a killed one leaves it

        Assert.Equal(1, new SampleExport(run).Write(ExportLayout.Bids, target));

        Assert.Equal([target, other.Path, Beside("notes")], Made());
    }

    /// <summary>What dcm2niix makes of the data set lies on the patient, and nothing in it names one.</summary>
    [Fact]
    public void Samples_exported_as_dicom_say_that_they_are_synthetic_and_lie_on_the_patient()
    {
        DicomImportTests.RequireConverter();
        var cohort = Import("percentile 0 100");
        var patient = cohort.Patients.Single(one => one.Name == "BraTS-MET-00000_000"); // LPS
        new NativeVolumes(cohort, Normalization.Cohort).Write(Sample(cohort, patient));
        Sample(cohort, patient, "00001");
        var broken = Path.Combine(Sample(cohort, patient, "00002"), "t1c.nii.gz");
        NiftiFile.Write<float>(broken, [1, float.NaN], new VolumeShape(1, 1, 1, 2), new Spacing(1, 1, 1), null, null);
        File.WriteAllText(_run.File("experiment.yaml"), "id: e\n");
        var (target, again, told) = (_source.Beside("exported"), _source.Beside("again"), new List<string>());

        Assert.Equal(2, new SampleExport(RunFolder.Open(_run.Path)) { Warned = told.Add }.Write(ExportLayout.Dicom, target));

        Assert.EndsWith("1 of its voxels are not finite; make the sample anew", told[0], StringComparison.Ordinal);
        Assert.StartsWith("1 of 2 samples have no volumes on the patient's own grid", told[1], StringComparison.Ordinal);
        var files = Directory.GetFiles(target, "*.dcm", SearchOption.AllDirectories).Select(file => DicomFile.Read(file)).ToArray();
        var native = files.Where(file => file.PatientId.StartsWith("SYN-00000-", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2 * 20, native.Length); // of t1c and seg
        Assert.Equal(2 * 2, files.Select(file => file.Series).Distinct().Count());
        Assert.Equal(2, files.Select(file => file.Study).Distinct().Count());
        Assert.Equal(
            ["SYNTHETIC t1c", "SYNTHETIC tumour mask"], native.Select(file => file.Description).Distinct().Order(StringComparer.Ordinal));
        var bytes = File.ReadAllBytes(native[0].Path);
        Assert.True(bytes.AsSpan().IndexOf(@"DERIVED\SECONDARY\OTHER\SYNTHETIC"u8) > 0);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("BraTS"u8));
        new SampleExport(RunFolder.Open(_run.Path)).Write(ExportLayout.Dicom, again);
        // one sample has one name
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(again, Path.GetRelativePath(target, native[0].Path))));

        DicomConversion.Of(target).Convert(_source.Beside("nifti"), null, TestContext.Current.CancellationToken);
        var listing = SourceListing.Of(_source.Beside("nifti"));
        Assert.Equal((2, 0), (listing.Scans.Count, listing.LeftOut.Count));
        var scan = listing.Scans.Single(one => one.Patient.StartsWith("SYN-00000-", StringComparison.Ordinal));
        Assert.Equal(["seg", "synthetic_t1c"], scan.Images.Keys.Order(StringComparer.Ordinal));
        foreach (var (kind, source) in new[] { ("synthetic_t1c", "t1c"), ("seg", "seg") })
        {
            var read = NiftiFile.Read(Path.Combine(listing.Source, scan.Images[kind]));
            var before = NiftiFile.Read(_source.At($"BraTS-MET-00000-000/BraTS-MET-00000-000-{source}.nii.gz"));
            var grid = new FileGrid([.. before.Header.Shape], before.Header.Affine);
            var voxels = Resampler.Nearest(read, grid, -1, TestContext.Current.CancellationToken);
            Assert.All(
                before.Turned().Zip(voxels).Where(pair => pair.First > 0),
                pair => Assert.Equal(source == "seg" ? 1 : pair.First, pair.Second, 2e-2f));
        }
    }

    [Fact]
    public void Damaged_samples_are_left_out_and_named()
    {
        var cohort = Import("percentile 0 100");
        string[] numbers = ["00000", "00001", "00002", "00003"];
        foreach (var number in numbers)
            Sample(cohort, cohort.Patients[0], number);
        File.WriteAllText(_run.File("experiment.yaml"), "id: e\n");
        var run = RunFolder.Open(_run.Path);
        var volume = Directory.GetFiles(Path.Combine(run.Samples, "00001"), "*.nii.gz")[0];
        File.WriteAllBytes(volume, File.ReadAllBytes(volume)[..200]);
        File.Delete(Path.Combine(run.Samples, "00002", "sample.json"));
        File.WriteAllText(Path.Combine(run.Samples, "00003", "sample.json"), "{");
        var told = new List<string>();

        Assert.Equal(1, new SampleExport(run) { Warned = told.Add }.Write(ExportLayout.Bids, _source.Beside("exported")));

        Assert.Collection(
            told,
            one => Assert.Contains(volume, one, StringComparison.Ordinal),
            one => Assert.Contains(Path.Combine("00002", "sample.json") + " is not there", one, StringComparison.Ordinal),
            one => Assert.Contains(Path.Combine("00003", "sample.json") + " cannot be read", one, StringComparison.Ordinal));
        Assert.All(
            told.Zip(numbers.Skip(1)),
            pair => Assert.StartsWith($"the sample {pair.Second} is left out: ", pair.First, StringComparison.Ordinal));
        Assert.Single(Directory.GetDirectories(_source.Beside("exported")));
        var recorded = JsonNode.Parse(File.ReadAllText(_source.Beside("exported/left_out.json")))!.AsArray();
        Assert.Equal(numbers.Skip(1), recorded.Select(one => (string?)one!["path"]));
        Assert.StartsWith("00002/sample.json is not there", (string?)recorded[1]!["why"], StringComparison.Ordinal);
        Assert.DoesNotContain(_run.Path, recorded.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("left_out.json", File.ReadAllLines(_source.Beside("exported/.bidsignore")));
    }
}
