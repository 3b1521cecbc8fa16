using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Conformance;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins verify PATH</c>: the conformance checks on every part of a plugin, in a process of its own.</summary>
internal sealed class PluginsVerifyVerb : Verb
{
    private readonly Argument<string> _path;
    private readonly TrialOptions _options = new(seconds: 600);

    public PluginsVerifyVerb()
        : base("verify", "Runs the conformance checks on every part of a plugin")
    {
        _path = With(new Argument<string>("PATH") { Description = "The plugin's folder" });
        With(CommonOptions.Json);
        foreach (var option in _options.All)
            Options.Add(option);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var path = parse.GetRequiredValue(_path);
        if (!Directory.Exists(path))
            throw new UsageException($"{path}: there is no such folder");

        var plugin = PluginFolder.Read(Path.GetFullPath(path).TrimEnd('/'), PluginCatalogue.Contract);
        if (plugin.Status != PluginStatus.Active)
            throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) cannot be used: {plugin.Reason}");
        if (plugin.Parts.Length == 0)
            throw new PluginException(
                $"the plugin `{plugin.Id}` ({plugin.Path}) has no parts to verify; mark its classes with [Architecture], [Metric] …");

        TrialOptions.Tell("verifying", plugin);
        var outcome = _options.Trial(parse).Run(plugin, verifies: true);
        if (outcome.Lines.LastOrDefault() is { IsEnd: true } && outcome.Fault is { } refusal)
            throw new PluginException(refusal);
        var checks = outcome.Lines.Where(line => line.Check is not null)
            .Select(line => (Part: line.Part!, Check: new ConformanceCheck(line.Check!, line.Passed, line.Sentence!)))
            .Concat(outcome.Fault is { } fault
                ? [(outcome.Lines.LastOrDefault()?.Part ?? plugin.Id, new ConformanceCheck("process", false, fault))]
                : [])
            .ToArray();
        var quality = PluginQuality.Of(plugin, [.. checks.Select(check => check.Check)]);
        Output.Write(parse, () => Json(checks, quality), () => new Rows(Table(checks), Table(quality), Output.Text(Words(quality))));
        return checks.All(c => c.Check.Passed) ? ExitCode.Done : ExitCode.Failed;
    }

    private static JsonObject Json(IEnumerable<(string Part, ConformanceCheck Check)> checks, PluginQuality quality) => new()
    {
        ["quality"] = Word(quality.Level),
        ["next"] = quality.Next is { } next ? Word(next) : null,
        ["criteria"] = new JsonArray([.. quality.Criteria.Select(one => new JsonObject
        {
            ["level"] = Word(one.Level), ["criterion"] = one.Name, ["holds"] = one.Holds, ["finding"] = one.Finding,
        })]),
        ["checks"] = new JsonArray([.. checks.Select(c => new JsonObject
        {
            ["part"] = c.Part, ["check"] = c.Check.Name, ["passed"] = c.Check.Passed, ["sentence"] = c.Check.Sentence,
        })]),
    };

    private static Table Table(PluginQuality quality)
    {
        var table = Output.Table("level", "asks for", "holds", "finding");
        foreach (var one in quality.Criteria)
            table.AddRow(new Text(Word(one.Level)), new Text(one.Name), new Text(one.Holds ? "yes" : "NO"), new Text(one.Finding));
        return table;
    }

    private static string Words(PluginQuality quality)
    {
        var level = quality.Level == QualityLevel.None ? "no level yet" : Word(quality.Level);
        var missing = quality.Criteria.Where(one => one.Level == quality.Next && !one.Holds).Select(one => one.Name);
        return $"quality: {level}{(quality.Next is { } next ? $"; {Word(next)} lacks {string.Join(", ", missing)}" : "")}\n";
    }

    private static string Word(QualityLevel level) => OptionsShape.KeyOf(level.ToString());

    private static Table Table(IEnumerable<(string Part, ConformanceCheck Check)> checks)
    {
        var table = Output.Table("part", "check", "passed", "finding");
        foreach (var (part, check) in checks)
            table.AddRow(new Text(part), new Text(check.Name), new Text(check.Passed ? "yes" : "NO"), new Text(check.Sentence));
        return table;
    }
}
