using System.Globalization;
using System.Security.Cryptography;
using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>Reads a patient's images and tells what is wrong with each of them and between them.</summary>
internal static class PatientCheck
{
    // of a voxel: rounding to float32 stays below it, and nothing that can be seen in a picture does
    private const double Tolerance = 1e-3;

    /// <summary>Checks a patient.</summary>
    /// <param name="patient">The patient.</param>
    /// <param name="kinds">The kinds of image to look at; those that the patient does not have are passed over.</param>
    /// <param name="options">What volumes have to fit, or null.</param>
    /// <param name="seen">Is given each image that can be read, or null.</param>
    public static CheckedPatient Run(
        CohortPatient patient, IReadOnlyList<string> kinds, DataOptions? options, Action<string, NiftiVolume>? seen = null)
    {
        var findings = new List<CohortFinding>();
        var scans = new Dictionary<string, Scan>();
        (string Kind, VolumeGrid Grid)? first = null;
        bool? hasTumour = null;
        foreach (var kind in kinds.Where(patient.Kinds.Contains))
        {
            CohortFinding Finding(string sentence) => new(patient.Split, patient.Name, patient.File(kind), sentence);

            if (patient.Other(kind) is { } other)
                findings.Add(Finding($"is read, and {other} beside it is not; remove one of the two."));
            try
            {
                var volume = NiftiFile.Read(patient.File(kind));
                var grid = VolumeGrid.Of(volume.Shape, volume.Header);
                if (first is { } one)
                    findings.AddRange(Together(grid, kind, one.Grid, one.Kind, Finding));
                findings.AddRange(Alone(volume, kind, options, Finding));
                first ??= (kind, grid);
                seen?.Invoke(kind, volume);
                if (kind == ImageKinds.Seg)
                    hasTumour = volume.Max > 0.5;
                if (volume is { Min: not null, IsConstant: false } && (!ImageKinds.IsMask(kind) || volume.Max > 0.5))
                    scans[kind] = new Scan(Hash(volume.Intensities.Span, kind), ScanSignature.Of(volume));
            }
            catch (UnauthorizedAccessException)
            {
                findings.Add(Finding($"{FolderEntry.Denied}.") with { Refused = true });
            }
            catch (Exception error) when (error is InvalidDataException or IOException)
            {
                // the file is named before the finding already
                var (path, sentence) = (patient.File(kind) + ": ", error.Message);
                findings.Add(Finding(
                    $"cannot be read: {(sentence.StartsWith(path, StringComparison.Ordinal) ? sentence[path.Length..] : sentence)}") with
                {
                    Refused = true,
                });
            }
        }

        return new CheckedPatient(patient, findings, scans) { HasTumour = hasTumour };
    }

    /// <summary>SHA-256 of intensities; those of a mask are 0 and 1, as they are used, whatever its label.</summary>
    private static string Hash(ReadOnlySpan<float> intensities, string kind)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var part = new float[1 << 14];
        while (!intensities.IsEmpty)
        {
            var taken = Math.Min(part.Length, intensities.Length);
            for (var i = 0; i < taken; i++)
                part[i] = !ImageKinds.IsMask(kind) ? intensities[i] : intensities[i] > 0.5f ? 1 : 0;
            hash.AppendData(MemoryMarshal.AsBytes(part.AsSpan(0, taken)));
            intensities = intensities[taken..];
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static IEnumerable<CohortFinding> Alone(
        NiftiVolume volume, string kind, DataOptions? options, Func<string, CohortFinding> finding)
    {
        foreach (var complaint in volume.Header.Complaints)
            yield return finding($"is read, but {complaint}.");
        if (volume.NonFinite > 0)
            yield return finding($"has {volume.NonFinite} voxels that are not finite; replace them, for instance by 0.") with
            {
                Refused = true,
            };
        if (options is not null && VolumePreparation.Misfit(volume.Shape, options) is { } misfit)
            yield return finding(misfit) with { Refused = true, OfExperiment = true };
        if (options is not null && VolumePreparation.NothingLeft(volume, kind, options) is { } nothing)
            yield return finding(nothing) with { Refused = true, OfExperiment = true };
        foreach (var fault in NiftiGeometry.Faults(volume.Header))
            yield return Geometry(fault, finding);
        if (ImageKinds.IsMask(kind))
        {
            if (Labels(volume, finding) is { } labels)
                yield return labels;
        }
        else if (volume is { IsConstant: true, Min: { } min, Max: { } max })
        {
            yield return finding(min == max
                ? $"is {min} everywhere."
                : FormattableString.Invariant($"is {(float)min} everywhere as training reads it, in float32, ")
                    + FormattableString.Invariant($"which cannot tell {min:R} from {max:R}; subtract an offset or rescale it before."));
        }
    }

    /// <summary>What is wrong with a mask that is not 0 and 1.</summary>
    private static CohortFinding? Labels(NiftiVolume volume, Func<string, CohortFinding> finding)
    {
        const int most = 5;
        var values = new SortedSet<float>();
        foreach (var value in volume.Intensities.Span)
        {
            if (float.IsFinite(value) && value != 0 && values.Count <= most)
                values.Add(value);
        }

        var named = string.Join(", ", values.Take(most)) + (values.Count > most ? " …" : "");
        return values switch
        {
            _ when values.Count == 0 || values is { Count: 1, Min: 1 } => null,
            { Min: < 0 } => finding($"has the value {values.Min}; a mask is 0 and 1.") with { Refused = true },
            { Max: <= 1 } => finding($"has values between 0 and 1 ({named}); a mask is 0 and 1, and what is above one half is taken as 1."),
            { Count: 1 } => finding($"has the value {values.Max}; a mask is 0 and 1, and it is taken as 1."),
            _ => finding(
                $"has the values {named}; a mask is 0 and 1: write one label alone, or set data.merge_labels: "
                + "true to take all above one half as tumour.")
                with { Refused = true, AllowedBy = "merge_labels" },
        };
    }

    private static IEnumerable<CohortFinding> Together(
        VolumeGrid grid, string kind, VolumeGrid first, string firstKind, Func<string, CohortFinding> finding)
    {
        if (grid.Shape != first.Shape)
        {
            yield return finding(
                $"is {Size(grid.Shape)}, but {firstKind} is {Size(first.Shape)}; all images of a patient have one shape.") with
            {
                Refused = true,
            };
            yield break;
        }

        var (size, distance) = (first.Spacing, first.Distance(grid));
        var voxel = Math.Min(size.Depth, Math.Min(size.Height, size.Width));
        if (distance > Tolerance * voxel)
        {
            yield return finding(string.Create(
                CultureInfo.InvariantCulture,
                $"has voxels up to {distance:G3} mm away from where {firstKind} has them: their affines differ; "
                + $"resample {kind} onto the grid of {firstKind}, or set data.allow_geometry_mismatch: true to take them as they are."))
                with { Refused = true, AllowedBy = "allow_geometry_mismatch" };
        }
    }

    private static CohortFinding Geometry(GeometryFault fault, Func<string, CohortFinding> finding) => fault switch
    {
        { Refused: false } => finding($"{fault.Sentence}."),
        { Allowable: false } => finding($"{fault.Sentence}.") with { Refused = true },
        _ => finding(
            $"{fault.Sentence}, or set data.allow_geometry_mismatch: true.") with { Refused = true, AllowedBy = "allow_geometry_mismatch" },
    };

    private static string Size(VolumeShape shape) => $"{shape.Height}×{shape.Width}×{shape.Depth}";
}

/// <summary>What was found of a patient.</summary>
/// <param name="Patient">The patient.</param>
/// <param name="Findings">What is wrong.</param>
/// <param name="Scans">By what each image that is not constant, and each mask that is not empty, is known again.</param>
internal sealed record CheckedPatient(CohortPatient Patient, IReadOnlyList<CohortFinding> Findings, IReadOnlyDictionary<string, Scan> Scans)
{
    /// <summary>Whether a voxel of the mask is tumour, or null where there is no mask that can be read.</summary>
    public bool? HasTumour { get; init; }
}

/// <summary>By what an image is known again.</summary>
/// <param name="Sha256">SHA-256 of its intensities.</param>
/// <param name="Signature">Some of them.</param>
internal sealed record Scan(string Sha256, ScanSignature Signature);
