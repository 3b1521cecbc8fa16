using System.Runtime.ExceptionServices;
using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>What was synthesized.</summary>
/// <param name="Folder">The cohort's folder.</param>
/// <param name="Patients">Number of patients.</param>
/// <param name="Shape">Shape of each volume, <c>[1, D, H, W]</c>.</param>
/// <param name="Spacing">Voxel size in mm.</param>
/// <param name="Tumours">Number of metastases in each bin of <see cref="TumourSizes"/>, as their masks measure.</param>
public sealed record SynthesizedCohort(string Folder, int Patients, VolumeShape Shape, Spacing Spacing, IReadOnlyList<int> Tumours);

/// <summary>
/// Makes a cohort out of one real head: each patient is the head under a smooth random deformation, with a bias field, receiver noise and
/// simulated metastases at the border of grey and white matter, as bravo, flair, t1_pre, t1_gd and seg. For trying out, not for medicine.
/// </summary>
public static class CohortSynthesizer
{
    /// <summary>The file in a synthetic cohort that holds the options it was made from.</summary>
    public const string OptionsFile = "synthesis.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>Makes the cohort. The folder appears when all of it is written, or not at all.</summary>
    /// <param name="options">What to make.</param>
    /// <param name="folder">The cohort's folder; it must not exist, or be empty.</param>
    /// <param name="progress">Told the number of patients that are done, from any thread.</param>
    /// <param name="stop">Stops between patients; nothing is left behind.</param>
    /// <exception cref="PlanException">The folder is in use, the head is not there, or the options contradict each other.</exception>
    /// <exception cref="InvalidDataException">The head cannot be read.</exception>
    public static SynthesizedCohort Run(
        SynthesisOptions options, string folder, Action<int>? progress = null, CancellationToken stop = default)
    {
        options.Validate();
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
            throw new PlanException($"'{folder}' is there already; name another folder or remove it first.", "cohort");
        var head = SourceHead.Read(options.Source, options.Spacing);
        var patients = Patients(options).ToArray();
        var tumours = new int[TumourSizes.Edges.Count];
        var done = 0;
        StagedFolder.Put(folder, made =>
        {
            // a patient of 160×256×256 takes a quarter of a gigabyte
            var limits = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = stop };
            try
            {
                Parallel.ForEach(patients, limits, patient => Make(patient.Split, patient.Index, made));
            }
            catch (AggregateException e)
            {
                ExceptionDispatchInfo.Throw(e.InnerException!);
            }

            File.WriteAllText(Path.Combine(made, OptionsFile), JsonSerializer.Serialize(options, Json));
        });
        return new SynthesizedCohort(
            folder, patients.Length, new VolumeShape(1, options.Depth, options.Height, options.Width), options.Spacing, tumours);

        void Make(string split, int index, string cohort)
        {
            var sizes = Write(head, options, split, index, Path.Combine(cohort, split, $"{split}_{index:d3}"));
            lock (tumours)
            {
                foreach (var size in sizes)
                    tumours[TumourSizes.BinOf(size)]++;
                progress?.Invoke(++done);
            }
        }
    }

    private static IEnumerable<(string Split, int Index)> Patients(SynthesisOptions options) =>
        from split in new (string Name, int Count)[]
        {
            (Cohort.Train, options.Train), (Cohort.Val, options.Val), (Cohort.Test, options.Test),
        }
        from index in Enumerable.Range(0, split.Count)
        select (split.Name, index);

    private static IReadOnlyList<double> Write(SourceHead head, SynthesisOptions options, string split, int index, string folder)
    {
        SeededRandom Stream(string name) => new(options.Seed, $"synthesis/{split}/{index}/{name}");

        var patient = new SyntheticPatient(head, options, Stream("deformation"));
        var random = Stream("metastases");
        var painter = new MetastasisPainter(patient, options.Spacing, random);
        var count = options.MinLesions + random.Below(options.MaxLesions - options.MinLesions + 1);
        for (var i = 0; i < count; i++)
        {
            // every seventh patient begins with the same size, so that few patients have all
            painter.Add(i == 0 ? index % TumourSizes.Edges.Count : painter.DrawBin());
        }

        Unwritten.Named(folder, () => Directory.CreateDirectory(folder));
        var (shape, spacing) = (new VolumeShape(1, options.Depth, options.Height, options.Width), options.Spacing);
        var middle = patient.Place(0);
        double[][] affine =
        [
            [0, -spacing.Width, 0, middle.X],
            [-spacing.Height, 0, 0, middle.Y],
            [0, 0, spacing.Depth, middle.Z],
            [0, 0, 0, 1],
        ];
        const string comment = "Synthetic: simulated metastases in a deformed copy of the Colin 27 head. Not a patient.";
        for (var k = 0; k < Contrast.All.Count; k++)
        {
            var contrast = Contrast.All[k];
            Scanner.Expose(patient.Brightness[k], patient.Brain, contrast.Units, options, Stream(contrast.Kind));
            NiftiFile.Write<float>(Path.Combine(folder, contrast.Kind + ".nii.gz"), patient.Brightness[k], shape, spacing, affine, comment);
        }

        var mask = Array.ConvertAll(patient.Mask, voxel => (byte)voxel);
        NiftiFile.Write<byte>(Path.Combine(folder, ImageKinds.Seg + ".nii.gz"), mask, shape, spacing, affine, comment);
        return TumourSizes.Diameters(patient.Mask, shape, spacing);
    }
}
