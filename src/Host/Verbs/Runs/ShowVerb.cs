using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>show EXP</c>: the resolved experiment, each value with the place that it comes from.</summary>
internal sealed class ShowVerb : ExperimentVerb
{
    private const int Widest = 60;

    public ShowVerb()
        : base("show", "Shows a resolved experiment, each value with the file and line that it comes from")
    {
        With(CommonOptions.Json);
        WithValues("training.epochs=10");
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var experiment = Load(parse, session);
        var text = experiment.Source.Text;
        var values = ValueOrigins.Of(text, ExperimentLoader.FileOf(experiment));
        Output.Write(
            parse,
            () => new JsonArray([.. values.Select(Json)]),
            () => new Rows(Lines(text, values).Select(line => Output.Text(line))));
        return ExitCode.Done;
    }

    private static JsonObject Json(ValueOrigin value) => new()
    {
        ["key"] = value.Key,
        ["value"] = value.Value?.DeepClone(),
        ["source"] = Source(value),
        ["line"] = value.Origin is { Line: > 0 } place ? place.Line : null,
    };

    private static string Source(ValueOrigin value) =>
        value.Origin is { } place ? place.Line > 0 ? Places.Shown(Path.GetFullPath(place.Source)) : place.Source : "default";

    private static IEnumerable<string> Lines(string text, IReadOnlyList<ValueOrigin> values)
    {
        var lines = text.TrimEnd('\n').Split('\n');
        var origins = values.GroupBy(value => value.Line).ToDictionary(line => line.Key, line => line.First());
        var width = Math.Min(Widest, lines.Where((_, i) => origins.ContainsKey(i + 1)).Max(line => line.Length));
        return lines.Select(
            (line, i) =>
                origins.GetValueOrDefault(i + 1) is { } value
                    ? $"{line.PadRight(width)}  # {Source(value)}{(value.Origin is { Line: > 0 } place ? $":{place.Line}" : "")}"
                    : line);
    }
}
