using System.Text.Json;
using System.Text.Json.Nodes;

namespace VoxelZoo.Engine.Nifti;

/// <summary>What <c>data info</c> tells of a file. Everything is in file order and after slope and intercept.</summary>
/// <param name="Shape">Size along each dimension.</param>
/// <param name="Spacing">Voxel size in millimetres.</param>
/// <param name="Dtype">The stored type as NumPy writes it.</param>
/// <param name="Affine">Rows of the 4×4 matrix from voxel indices to millimetres.</param>
/// <param name="Min">Smallest intensity that is finite in float32, or null where there is none.</param>
/// <param name="Max">Largest intensity that is finite in float32, or null where there is none.</param>
/// <param name="Mean">Mean of those intensities, or null where there is none.</param>
/// <param name="NonFinite">Number of voxels that are NaN or infinite in float32, as training reads them.</param>
/// <param name="Comments">
/// The comments in the header, in file order: JSON where one is a JSON object, as in generated volumes, else text.
/// </param>
/// <param name="Complaints">What is wrong with the header, the places of its voxels included, and can be read all the same.</param>
public sealed record NiftiFacts(
    IReadOnlyList<int> Shape,
    IReadOnlyList<double> Spacing,
    string Dtype,
    IReadOnlyList<IReadOnlyList<double>> Affine,
    double? Min,
    double? Max,
    double? Mean,
    long NonFinite,
    IReadOnlyList<JsonNode> Comments,
    IReadOnlyList<string> Complaints)
{
    /// <summary>Reads a file and states its facts; the memory taken does not depend on the file.</summary>
    /// <exception cref="InvalidDataException">The file is not a NIfTI file that can be read; the message names it.</exception>
    public static NiftiFacts Of(string path)
    {
        var (header, range) = NiftiFile.Survey(path);
        return new NiftiFacts(
            header.Shape,
            header.Spacing,
            header.DataType,
            header.Affine,
            range.Min,
            range.Max,
            range.Mean,
            range.NonFinite,
            [.. header.Comments.Select(Parsed)],
            [.. header.Complaints, .. NiftiGeometry.Faults(header).Select(fault => $"it {fault.Sentence}")]);
    }

    private static JsonNode Parsed(string comment)
    {
        try
        {
            return JsonNode.Parse(comment) as JsonObject ?? (JsonNode)comment;
        }
        catch (JsonException)
        {
            return comment;
        }
    }
}
