using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Verbs.Data;

/// <summary><c>data info FILE</c>: the facts of a volume.</summary>
internal sealed class DataInfoVerb : Verb
{
    private readonly Argument<string> _file;

    public DataInfoVerb()
        : base("info", "Shows a NIfTI volume's shape, spacing, type, affine, intensities and comments")
    {
        _file = With(new Argument<string>("FILE") { Description = "A .nii or .nii.gz file" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var facts = Read(parse.GetRequiredValue(_file));
        foreach (var complaint in facts.Complaints)
            ConsoleObserver.Warn(complaint);
        Output.Write(parse, () => JsonSerializer.SerializeToNode(facts, AtomicFile.Json)!, () => Table(facts));
        return ExitCode.Done;
    }

    private static NiftiFacts Read(string file)
    {
        if (file.Trim().Length == 0)
            throw new UsageException("the file's name is empty; name a .nii or .nii.gz file");
        if (Directory.Exists(file))
            throw new UsageException($"{file} is a folder, not a file: data info takes one volume, `data check DIR` tells of a cohort");
        if (!File.Exists(file))
            throw new UsageException($"{file}: there is no such file");
        try
        {
            return NiftiFacts.Of(file);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException(e.Message, e);
        }
    }

    private static IRenderable Table(NiftiFacts facts) => Output.Facts(
    [
        ("shape", string.Join('×', facts.Shape) + " (file order)"),
        ("spacing", Numbers(facts.Spacing) + " mm"),
        ("type", facts.Dtype),
        ("affine", string.Join("\n", facts.Affine.Select(Numbers))),
        (
            "intensities",
            facts is { Min: { } min, Max: { } max, Mean: { } mean }
                ? $"{Number(min)} to {Number(max)}, mean {Number(mean)}"
                : "none that are finite"),
        .. facts.NonFinite > 0
            ? [("not finite", facts.NonFinite.ToString(CultureInfo.InvariantCulture) + " voxels are NaN or infinite")]
            : Array.Empty<(string, string)>(),
        .. facts.Comments.SelectMany(Lines),
    ]);

    /// <summary>A line for each thing that a generated volume says of itself; other comments as they are.</summary>
    private static IEnumerable<(string, string)> Lines(JsonNode comment) => comment is JsonObject made
        ? made.Where(fact => fact.Value is not null).Select(fact => (fact.Key, Text(fact.Value!)))
        : [("comment", Text(comment))];

    private static string Text(JsonNode value) => value.GetValueKind() == JsonValueKind.String ? (string)value! : value.ToJsonString();

    private static string Numbers(IEnumerable<double> values) => string.Join("  ", values.Select(Number));

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
