using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>runs diff A B</c>: what two runs were trained by differently.</summary>
internal sealed class RunsDiffVerb : Verb
{
    private readonly Argument<string> _one, _other;

    public RunsDiffVerb()
        : base("diff", "Shows which values of the experiments of two runs differ")
    {
        _one = With(new Argument<string>("A") { Description = "A run's folder" });
        _other = With(new Argument<string>("B") { Description = "Another one's" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (one, other) = (RunFolder.Open(parse.GetRequiredValue(_one)), RunFolder.Open(parse.GetRequiredValue(_other)));
        var changes = LeafChange.Between(ExperimentLoader.ReadRun(one), ExperimentLoader.ReadRun(other));
        Output.Write(
            parse,
            () =>
                new JsonArray(
                    [
                        .. changes.Select(
                            change => new JsonObject { ["key"] = change.Key, ["a"] = Parsed(change.Before), ["b"] = Parsed(change.After) })
                    ]),
            () => Table(changes));
        return ExitCode.Done;
    }

    private static JsonNode? Parsed(string? json) => json is null ? null : JsonNode.Parse(json);

    private static IRenderable Table(IReadOnlyList<LeafChange> changes)
    {
        if (changes.Count == 0)
            return new Text("the two were trained by the same values");
        var table = Output.Table("key", "A", "B");
        foreach (var change in changes)
            table.AddRow(Output.Text(change.Key), Output.Text(change.Before ?? "not set"), Output.Text(change.After ?? "not set"));
        return table;
    }
}
