using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Dicom;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Experiments;

/// <summary>A layout of data sets that other programs read.</summary>
public enum ExportLayout
{
    /// <summary>The Brain Imaging Data Structure, as a derivative.</summary>
    Bids,

    /// <summary>What nnU-Net trains on: images with masks.</summary>
    Nnunet,

    /// <summary>DICOM: a study for each sample, on the patient's own grid where the sample has such volumes.</summary>
    Dicom,
}

/// <summary>
/// Writes a run's samples as a data set of others: volumes as they are, with a sidecar that says how each was made and that it is
/// synthetic.
/// </summary>
/// <param name="run">The run.</param>
public sealed class SampleExport(RunFolder run)
{
    private static readonly Dictionary<string, string> Suffixes = new()
    {
        ["t1"] = "T1w", ["t1w"] = "T1w", ["t1n"] = "T1w", [ImageKinds.T1Pre] = "T1w",
        ["t1c"] = "ce-gd_T1w", ["t1ce"] = "ce-gd_T1w", ["t1gd"] = "ce-gd_T1w", ["t1w_gd"] = "ce-gd_T1w", [ImageKinds.T1Gd] = "ce-gd_T1w",
        [ImageKinds.Bravo] = "acq-bravo_ce-gd_T1w",
        ["t2"] = "T2w", ["t2w"] = "T2w", ["t2f"] = "FLAIR", [ImageKinds.Flair] = "FLAIR",
    };

    /// <summary>The file of the data set that names the run's samples that it lacks, and why; it is there where it lacks some.</summary>
    public const string LeftOutName = "left_out.json";

    /// <summary>Is told of samples that are left out, a sentence each. Default: nobody is.</summary>
    public Action<string> Warned { get; init; } = _ => { };

    /// <summary>Stops between samples; nothing is left behind. Default: nothing does.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>Writes the data set; the folder appears when all of it is there.</summary>
    /// <param name="layout">How it is laid out.</param>
    /// <param name="folder">The folder; it must not exist, or be empty.</param>
    /// <returns>How many samples it has.</returns>
    /// <exception cref="PlanException">
    /// There are no whole samples, one has no mask where one is needed, or the folder is in use.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public int Write(ExportLayout layout, string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
            throw new PlanException($"'{folder}' is there already; name another folder or remove it first.");
        var (samples, leftOut) = WholeSamples(layout);
        StagedFolder.Put(folder, temporary =>
        {
            Action<IReadOnlyList<(string, string[])>, string> write = layout switch
            {
                ExportLayout.Bids => WriteBids,
                ExportLayout.Nnunet => WriteNnunet,
                _ => WriteDicom,
            };
            write(samples, temporary);
            if (leftOut.Count > 0)
                AtomicFile.WriteJson(Path.Combine(temporary, LeftOutName), Lacking(leftOut));
        });
        return samples.Length;
    }

    /// <summary>What the data set lacks, without the place where the run lies.</summary>
    private IEnumerable<LeftOut> Lacking(IEnumerable<LeftOut> leftOut)
    {
        var place = run.Samples + Path.DirectorySeparatorChar;
        return leftOut.Select(sample => sample with { Why = sample.Why.Replace(place, "", StringComparison.Ordinal) });
    }

    /// <summary>The samples whose record and volumes can be read; the others are named.</summary>
    private ((string Folder, string[] Kinds)[] Whole, IReadOnlyList<LeftOut> LeftOut) WholeSamples(ExportLayout layout)
    {
        var whole = new List<(string Folder, string[] Kinds)>();
        var leftOut = new List<LeftOut>();
        // hidden ones are being made
        var folders = Directory.Exists(run.Samples)
            ? Directory.GetDirectories(run.Samples).Where(folder => !Path.GetFileName(folder).StartsWith('.')).Order(StringComparer.Ordinal)
            : Enumerable.Empty<string>();
        foreach (var sample in folders)
        {
            Stop.ThrowIfCancellationRequested();
            var kinds = KindsOf(sample);
            if (WhyNotWhole(sample, kinds, layout) is { } why)
                leftOut.Add(new LeftOut(Path.GetFileName(sample), why.TrimEnd('.')));
            else
                whole.Add((sample, kinds));
        }

        if (whole.Count == 0)
        {
            throw new PlanException(leftOut.Count == 0
                ? $"{run.Path} has no samples; `voxelzoo sample {run.Path}` makes some."
                : $"{run.Path} has no whole sample; {Sentence(leftOut[0])}.");
        }

        foreach (var one in leftOut)
            Warned(Sentence(one));
        return ([.. whole], leftOut);

        static string Sentence(LeftOut sample) => $"the sample {sample.Path} is left out: {sample.Why}";
    }

    private static string? WhyNotWhole(string sample, string[] kinds, ExportLayout layout)
    {
        var record = Path.Combine(sample, SampleFolder.RecordName);
        if (!File.Exists(record))
            return $"{record} is not there, which says how it was made; make the sample anew";
        try
        {
            _ = ReadRecord(sample);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return $"{record} cannot be read ({JsonFault.Why(e).TrimEnd('.')}); make the sample anew";
        }

        if (kinds.Length == 0)
            return $"{sample} holds no volume; make the sample anew";
        try
        {
            foreach (var kind in kinds)
            {
                var file = layout == ExportLayout.Dicom ? DicomExport.FileOf(sample, kind) : Path.Combine(sample, kind + ".nii.gz");
                var (header, range) = NiftiFile.Survey(file);
                if (layout == ExportLayout.Dicom && range.NonFinite > 0)
                    return $"{file}: {range.NonFinite} of its voxels are not finite; make the sample anew";
                if (layout == ExportLayout.Dicom && DicomVolume.WhyNot(header) is { } why)
                    return $"{file}: {why}; export it with --bids";
            }

            return null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static JsonNode? ReadRecord(string sample) =>
        JsonNode.Parse(RegularFile.ReadText(Path.Combine(sample, SampleFolder.RecordName)));

    private void WriteBids(IReadOnlyList<(string Folder, string[] Kinds)> samples, string folder)
    {
        WriteJson(Path.Combine(folder, "dataset_description.json"), new JsonObject
        {
            ["Name"] = $"Synthetic volumes of {Path.GetFileName(run.Path)}",
            ["BIDSVersion"] = "1.10.0",
            ["DatasetType"] = "derivative",
            ["GeneratedBy"] = new JsonArray(
                new JsonObject { ["Name"] = "VoxelZoo", ["Version"] = typeof(SampleExport).Assembly.GetName().Version!.ToString(3) }),
        });
        var table = new System.Text.StringBuilder("participant_id\tsynthetic\n");
        foreach (var (sample, kinds) in samples)
        {
            Stop.ThrowIfCancellationRequested();
            var patient = $"sub-syn{Path.GetFileName(sample)}";
            var anatomy = Directory.CreateDirectory(Path.Combine(folder, patient, "anat")).FullName;
            foreach (var kind in kinds)
            {
                var suffix = ImageKinds.IsMask(kind) ? MaskSuffix(kind) : Suffixes.GetValueOrDefault(kind) ?? $"desc-{Plain(kind)}_image";
                var name = Path.Combine(anatomy, $"{patient}_{suffix}");
                File.Copy(Path.Combine(sample, kind + ".nii.gz"), name + ".nii.gz");
                WriteJson(name + ".json", Sidecar(sample, kind));
            }

            table.Append(patient).Append("\ttrue\n");
        }

        AtomicFile.WriteText(Path.Combine(folder, "participants.tsv"), table.ToString());
        AtomicFile.WriteText(Path.Combine(folder, ".bidsignore"), $"*_image.*\n{LeftOutName}\n");
    }

    private void WriteNnunet(IReadOnlyList<(string Folder, string[] Kinds)> samples, string folder)
    {
        var channels = ImageKinds.Ordered(samples[0].Kinds.Where(kind => !ImageKinds.IsMask(kind)));
        foreach (var (sample, kinds) in samples)
        {
            if (!kinds.Contains(ImageKinds.Seg) || channels.Count == 0 || channels.Except(kinds).Any())
                throw new PlanException($"nnU-Net takes images with masks, and {sample} has {string.Join(", ", kinds)}; export it with "
                    + "--bids.");
        }

        var (images, labels) = (
            Directory.CreateDirectory(Path.Combine(folder, "imagesTr")).FullName,
            Directory.CreateDirectory(Path.Combine(folder, "labelsTr")).FullName);
        var made = new JsonObject();
        foreach (var (sample, _) in samples)
        {
            Stop.ThrowIfCancellationRequested();
            var name = $"syn_{Path.GetFileName(sample)}";
            foreach (var (channel, kind) in channels.Index())
                File.Copy(Path.Combine(sample, kind + ".nii.gz"), Path.Combine(images, $"{name}_{channel:d4}.nii.gz"));
            File.Copy(Path.Combine(sample, ImageKinds.Seg + ".nii.gz"), Path.Combine(labels, name + ".nii.gz"));
            made[name] = Sidecar(sample, string.Join('+', channels));
        }

        WriteJson(Path.Combine(folder, "dataset.json"), new JsonObject
        {
            ["channel_names"] = new JsonObject(
                channels.Index().Select(channel => KeyValuePair.Create($"{channel.Index}", (JsonNode?)channel.Item))),
            ["labels"] = new JsonObject { ["background"] = 0, ["tumour"] = 1 },
            ["numTraining"] = samples.Count,
            ["file_ending"] = ".nii.gz",
        });
        WriteJson(Path.Combine(folder, "synthetic.json"), made);
    }

    private void WriteDicom(IReadOnlyList<(string Folder, string[] Kinds)> samples, string folder)
    {
        if (samples.Count(sample => !Directory.Exists(Path.Combine(sample.Folder, SampleFolder.NativeName))) is > 0 and var without)
            Warned(
                $"{without} of {samples.Count} samples have no volumes on the patient's own grid, and are written as they were generated; "
                    + "`sample --native` makes such volumes");
        var made = new JsonObject();
        foreach (var (sample, kinds) in samples)
        {
            Stop.ThrowIfCancellationRequested();
            var (patient, series) = DicomExport.Write(sample, kinds, ReadRecord(sample), folder);
            made[patient] = Sidecar(sample, string.Join('+', kinds));
            made[patient]!["Series"] = series;
        }

        WriteJson(Path.Combine(folder, "synthetic.json"), made);
    }

    /// <summary>How a volume was made.</summary>
    private static JsonObject Sidecar(string sample, string kind) => new()
    {
        ["Synthetic"] = true,
        ["Description"] = $"{kind}, generated by VoxelZoo: not a patient",
        ["Provenance"] = ReadRecord(sample),
    };

    private static string[] KindsOf(string sample) =>
        [
            .. ImageKinds.Ordered(
                Directory.EnumerateFiles(sample, "*.nii.gz").Select(file => Path.GetFileName(file)[..^".nii.gz".Length])
                    .Where(ImageKinds.IsName))
        ];

    private static string MaskSuffix(string kind) => kind == ImageKinds.Seg ? "label-lesion_mask" : $"label-{Plain(kind)}_mask";

    private static string Plain(string kind) => kind.Replace("_", "", StringComparison.Ordinal);

    private static void WriteJson(string path, JsonObject json) => AtomicFile.WriteText(path, json.ToJsonString(AtomicFile.Json) + "\n");
}
