using System.Security.Cryptography;
using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Patients;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Data;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion.Patients;

/// <summary>
/// Networks that are formulas, sampled by one call: a mask is a box of one tumour in the last bin of size where the mean of its noise is
/// above 0, and nothing otherwise; an image is one bright block where the mean of its noise is above 0, and two otherwise.
/// </summary>
[Collection(Alone.Name)]
public sealed class PatientGeneratorTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private const int ImageSeed = 8;
    private static readonly int[] OneLarge = [0, 0, 0, 0, 0, 0, 1];

    private readonly TinyRun _masks = new(), _images = new();
    private readonly TemporaryFolder _folder = new();
    private readonly PatientChecks _checks = new() { SliceShare = 0.1 };

    public void Dispose()
    {
        _masks.Dispose();
        _images.Dispose();
        _folder.Dispose();
    }

    private static Tensor Box(Tensor like, int from, int depth)
    {
        var box = zeros_like(like);
        box.narrow(2, from, depth).narrow(3, 2, 1).narrow(4, 2, 3).fill_(S(1.0));
        return box;
    }

    private static Tensor IsPositive(Tensor noise) => noise.mean([1, 2, 3, 4], keepdim: true).gt(S(0.0)).to(ScalarType.Float32);

    private ExperimentPlan Draft(IArchitecture architecture)
    {
        var draft = TinyRun.Draft(cohort, architecture);
        return draft with
        {
            Sampler = TinyRun.Part<ISampler>("sampling", new OneCallSampler()),
            Training = draft.Training with { Epochs = 1, LearningRate = 1e-12 },
        };
    }

    private ExperimentPlan Masks(IReadOnlyList<int>? bins)
    {
        var box = new FormulaArchitecture((noisy, _, _, bias) => Box(noisy, 1, 3) * IsPositive(noisy) + bias, bias: 0.1);
        return ExperimentPlan.Compose(Draft(box) with
        {
            Target = [ImageKinds.Seg],
            Condition = new ConditionOptions { SizeBins = new SizeBinOptions { Through = SizeBinRoute.Maps } },
            Sampling = new SamplingOptions { Seed = 3, Bins = bins },
        });
    }

    /// <summary>
    /// Bright where d is below 4, and in a second block at the end where the noise says so; what the tumour adds is seen.
    /// </summary>
    private ExperimentPlan Images(int brain = 4, double tumour = 0.25)
    {
        var network = new FormulaArchitecture(
            (noisy, _, conditioning, bias) =>
            {
                var (first, second) = (zeros_like(noisy), zeros_like(noisy));
                first.narrow(2, 0, brain).fill_(S(0.5));
                second.narrow(2, 5, 1).fill_(S(0.5));
                return first + second * (ones_like(noisy) - IsPositive(noisy)) + conditioning.Image! * S(tumour) + bias;
            },
            bias: 0.01);
        var draft = Draft(network);
        return ExperimentPlan.Compose(draft with
        {
            Condition = new ConditionOptions { Images = [ImageKinds.Seg] },
            Sampling = new SamplingOptions { Seed = ImageSeed },
        });
    }

    private void Run(
        ExperimentPlan masks, ExperimentPlan images, int count, string folder, PatientChecks? checks = null,
        Action<PatientRecord>? done = null, CancellationTokenSource? stop = null, Func<Tensor, bool>? hasShape = null,
        Action<string>? warn = null, IReadOnlyList<PluginChange>? changed = null)
    {
        if (!Directory.Exists(_masks.Folder.Checkpoints))
        {
            _masks.Train(masks);
            _images.Train(images);
        }

        _masks.Use(masks, (maskModel, maskVolumes) => _images.Use(images, (imageModel, imageVolumes) =>
        {
            var generator = new PatientGenerator(
                new PatientSource(
                    masks, maskModel, maskVolumes, new VolumeGenerator(masks, maskModel.Model)) { ChangedPlugins = changed ?? [] },
                new PatientSource(images, imageModel, imageVolumes, new VolumeGenerator(images, imageModel.Model)),
                law: null, atlas: null, hasShape, checks ?? _checks, maskVolumes.Grid(0, ImageKinds.Seg));
            using var patients = new PatientFolder(_folder.File(folder), generator.Request(), SingleProcess.Instance);
            generator.Run(patients, count, SingleProcess.Instance, done, warn, stop?.Token ?? CancellationToken.None);
            return 0;
        }));
    }

    /// <summary>Number of the first attempt, from 1, whose noise has a mean above 0.</summary>
    private static int FirstPositive(long seed, int number, int from = 0)
    {
        for (var attempt = from; ; attempt++)
        {
            using var scope = NewDisposeScope();
            using var random = new Generator(
                (ulong)RandomStreams.SeedOf(seed, attempt == 0 ? $"noise/{number}" : $"noise/{number}/{attempt}"), CPU);
            if (randn([1, 1, 8, 8, 8], generator: random).mean().ToDouble() > 0)
                return attempt + 1;
        }
    }

    private Dictionary<string, string> Files(string folder) => Directory.GetFiles(_folder.File(folder), "*", SearchOption.AllDirectories)
        .Where(file => Path.GetFileName(file) != ".lock")
        .ToDictionary(file => Path.GetRelativePath(_folder.File(folder), file), file => Convert.ToHexString(File.ReadAllBytes(file)));

    [Fact]
    public void Masks_and_images_are_drawn_until_they_are_as_they_have_to_be()
    {
        var made = new List<PatientRecord>();

        Run(Masks(OneLarge), Images(), 6, "all", done: made.Add);

        Assert.Equal(Enumerable.Range(0, 6).Select(number => FirstPositive(3, number)), made.Select(record => record.Masks));
        Assert.Equal(Enumerable.Range(0, 6).Select(number => FirstPositive(ImageSeed, number)), made.Select(record => record.Images));
        Assert.Contains(made, record => record.Masks > 1);
        Assert.All(made, record =>
        {
            Assert.Equal(OneLarge, record.MeasuredBins);
            Assert.Equal(true, record.Exact);
            Assert.Equal(record.Masks - 1, record.Rejected.GetValueOrDefault("empty_masks"));
            Assert.Equal(record.Images - 1, record.Rejected.GetValueOrDefault("images_with_a_second_brain"));
        });
        string[] lines = File.ReadAllLines(_folder.File("all/bins.csv"));
        Assert.Equal(7, lines.Length);
        Assert.Equal($"00002,{string.Join(',', OneLarge)},{string.Join(',', OneLarge)},1,{made[2].Masks},{made[2].Images},0", lines[3]);
        // the image is of the mask, on its grid
        var (seg, bravo) = (NiftiFile.Read(_folder.File("all/00002/seg.nii.gz")), NiftiFile.Read(_folder.File("all/00002/bravo.nii.gz")));
        Assert.Equal((seg.Shape, 9), (bravo.Shape, seg.Turned().Count(voxel => voxel == 1)));
        Assert.Equal(seg.Turned().Select(voxel => voxel == 1), bravo.Turned().Select(voxel => voxel > 0.7));
    }

    [Fact]
    public void Stopped_generation_goes_on_to_the_same_bytes()
    {
        Run(Masks(OneLarge), Images(), 4, "whole");
        using var stop = new CancellationTokenSource();

        Assert.ThrowsAny<OperationCanceledException>(
            () => Run(Masks(OneLarge), Images(), 4, "halves", done: _ => stop.Cancel(), stop: stop));
        Assert.Equal(2, File.ReadAllLines(_folder.File("halves/bins.csv")).Length);
        Directory.CreateDirectory(_folder.File("halves/.tmp-00001")); // what a kill leaves
        File.Delete(_folder.File("halves/bins.csv"));
        var made = 0;
        Run(Masks(OneLarge), Images(), 4, "halves", done: _ => made++);

        Assert.Equal(3, made);
        var (whole, halves) = (Files("whole"), Files("halves"));
        Assert.Equal(whole.Keys.Order(StringComparer.Ordinal), halves.Keys.Order(StringComparer.Ordinal));
        Assert.All(whole, file => Assert.Equal(file.Value, halves[file.Key]));
    }

    [Fact]
    public void Damaged_patient_is_made_again_to_the_same_bytes_and_named()
    {
        Run(Masks(OneLarge), Images(), 5, "patients");
        var before = Files("patients");
        var record = JsonNode.Parse(File.ReadAllText(_folder.File("patients/00001/patient.json")))!;
        Assert.Equal(
            ["bravo.nii.gz", "seg.nii.gz"], record["files"]!.AsObject().Select(file => file.Key));
        Assert.All(record["files"]!.AsObject(), file => Assert.Equal(
            Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder.File($"patients/00001/{file.Key}")))), (string?)file.Value));
        File.Delete(_folder.File("patients/00001/seg.nii.gz"));
        File.WriteAllText(_folder.File("patients/00001/notes.txt"), "mine");
        File.AppendAllText(_folder.File("patients/00002/bravo.nii.gz"), "x");
        File.Delete(_folder.File("patients/00003/patient.json"));
        // of before the hashes were recorded
        var old = JsonNode.Parse(File.ReadAllText(_folder.File("patients/00004/patient.json")))!.AsObject();
        old.Remove("files");
        File.WriteAllText(_folder.File("patients/00004/patient.json"), old.ToJsonString());
        var (made, warnings) = (new List<string>(), new List<string>());

        Run(Masks(OneLarge), Images(), 4, "patients", done: patient => made.Add(patient.Patient), warn: warnings.Add);
        File.Delete(_folder.File("patients/00004/bravo.nii.gz"));
        Run(Masks(OneLarge), Images(), 5, "patients", done: patient => made.Add(patient.Patient), warn: warnings.Add);

        Assert.Equal(["00001", "00002", "00003", "00004"], made);
        Assert.Equal(
            [
                $"{_folder.File("patients/00001")}: seg.nii.gz is missing; the patient is made again",
                $"{_folder.File("patients/00002")}: bravo.nii.gz is not what was written; the patient is made again",
                $"{_folder.File("patients/00004")}: bravo.nii.gz is missing; the patient is made again",
            ],
            warnings);
        var after = Files("patients");
        Assert.True(after.Remove("00001/notes.txt"));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(before, file => Assert.Equal(file.Value, after[file.Key]));
    }

    [Fact]
    public void Folder_of_patients_that_were_made_otherwise_is_refused()
    {
        Run(Masks(OneLarge), Images(), 1, "folder");

        var other = Assert.Throws<RunFolderException>(() => Run(Masks([0, 0, 0, 0, 0, 0, 2]), Images(), 2, "folder"));
        Directory.CreateDirectory(_folder.File("foreign/letters"));
        var foreign = Assert.Throws<RunFolderException>(() => Run(Masks(OneLarge), Images(), 1, "foreign"));

        Assert.Contains("masks.sampling.bins was [0,0,0,0,0,0,1] and is [0,0,0,0,0,0,2]", other.Message, StringComparison.Ordinal);
        Assert.Contains("holds letters", foreign.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_build_of_a_plugin_is_named_and_refused_for_patients_of_the_one_before()
    {
        var plugin = _folder.File("Plugin.dll");
        File.WriteAllText(plugin, "one");
        var masks = Masks(OneLarge);
        masks = masks with { Sampler = masks.Sampler with { Source = new PartSource("sampler", "1.0.0", plugin) } };
        Run(masks, Images(), 1, "builds");
        var (one, before) = (Request("builds"), BinaryFacts.Of("sampler", "1.0.0", plugin));
        Assert.Equal(before.Sha256, (string?)one["masks"]!["builds"]!["sampler"]!["sha256"]);
        Assert.Equal(
            ("1.0.0", "1.0.0"), ((string?)one["masks"]!["builds"]!["sampler"]!["version"], (string?)one["masks"]!["plugins"]!["sampler"]));
        Assert.Null(one["masks"]!["changed_plugins"]);

        File.WriteAllText(plugin, "other");
        var after = BinaryFacts.Of("sampler", "1.0.0", plugin);
        PluginChange[] changed = [new(before, after)];
        var refused = Assert.Throws<RunFolderException>(() => Run(masks, Images(), 2, "builds", changed: changed));
        Run(masks, Images(), 1, "others", changed: changed);

        Assert.Contains(
            $"masks.builds.sampler.sha256 was \"{before.Sha256}\" and is \"{after.Sha256}\"", refused.Message, StringComparison.Ordinal);
        Assert.Equal(after.Sha256, (string?)Request("others")["masks"]!["changed_plugins"]![0]!["after"]!["sha256"]);

        JsonNode Request(string folder) => JsonNode.Parse(File.ReadAllText(_folder.File($"{folder}/generate.json")))!;
    }

    [Fact]
    public void Mask_that_never_has_the_numbers_asked_for_is_taken_and_says_so()
    {
        var made = new List<PatientRecord>();

        Run(Masks([0, 0, 0, 0, 0, 0, 2]), Images(), 1, "nearest", done: made.Add);

        Assert.Equal((false, 10), (made[0].Exact, made[0].Masks));
        Assert.Equal(OneLarge, made[0].MeasuredBins);
        Assert.Equal(10, made[0].Rejected["empty_masks"] + made[0].Rejected["masks_with_other_tumours"]);
    }

    [Fact]
    public void Tumour_outside_of_the_brain_is_removed_and_a_patient_that_cannot_be_made_is_an_error()
    {
        // the box lies in slices 1 to 3, and the brain ends after slice 0
        var error = Assert.Throws<PatientException>(
            () => Run(Masks(OneLarge), Images(brain: 1, tumour: 0), 1, "outside", _checks with { Attempts = 2 }));

        Assert.Contains("00000 could not be made in 2 attempts", error.Message, StringComparison.Ordinal);
        Assert.Contains("images with tumours outside 2", error.Message, StringComparison.Ordinal);
        Assert.Single(File.ReadAllLines(_folder.File("outside/bins.csv")));
    }

    [Fact]
    public void Patients_leave_no_tensor_behind()
    {
        Run(Masks(OneLarge), Images(), 1, "first");
        LiveTensors.Settled();
        var live = new List<long>();

        Run(Masks(OneLarge), Images(), 20, "many", done: _ => live.Add(Tensor.TotalCount));

        Assert.InRange(live[^1] - live[0], long.MinValue, 0);
    }

    [Fact]
    public void Image_of_another_shape_is_drawn_again()
    {
        var (made, seen) = (new List<PatientRecord>(), 0);

        // the first image that is of one brain is refused
        Run(Masks(OneLarge), Images(), 1, "shape", done: made.Add, hasShape: _ => ++seen > 1);

        var second = FirstPositive(ImageSeed, 0, FirstPositive(ImageSeed, 0));
        Assert.Equal((2, second, 1), (seen, made[0].Images, made[0].Rejected["images_of_another_shape"]));
    }

    [Fact]
    public void Tumour_is_outside_where_more_than_the_share_is()
    {
        var shape = new VolumeShape(1, 1, 2, 10);
        float[] mask = [.. Enumerable.Repeat(1f, 10), .. new float[10]];
        bool[] inside = [.. Enumerable.Range(0, 20).Select(i => i > 0)];

        Assert.Equal(0, new PatientChecks().RemoveOutside([.. mask], shape, inside)); // a tenth is no more than a tenth
        inside[1] = false;
        var two = mask.ToArray();
        Assert.Equal(1, new PatientChecks().RemoveOutside(two, shape, inside));
        Assert.DoesNotContain(1f, two);
        Assert.Equal(0.5, PatientChecks.LargestShare(mask, shape));
    }
}
