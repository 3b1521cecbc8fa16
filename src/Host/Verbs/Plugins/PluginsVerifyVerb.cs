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
            throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) has no parts to verify; mark its classes with [Architecture], [Metric] …");

        TrialOptions.Tell("verifying", plugin);
        var outcome = _options.Trial(parse).Run(plugin, verifies: true);
        if (outcome.Lines.LastOrDefault() is { IsEnd: true } && outcome.Fault is { } refusal)
            throw new PluginException(refusal);
        var checks = outcome.Lines.Where(line => line.Check is not null)
            .Select(line => (Part: line.Part!, Check: new ConformanceCheck(line.Check!, line.Passed, line.Sentence!)))
            .Concat(outcome.Fault is { } fault ? [(outcome.Lines.LastOrDefault()?.Part ?? plugin.Id, new ConformanceCheck("process", false, fault))] : [])
            .ToArray();
        Output.Write(
            parse,
            () => new JsonArray([.. checks.Select(c => new JsonObject
            {
                ["part"] = c.Part, ["check"] = c.Check.Name, ["passed"] = c.Check.Passed, ["sentence"] = c.Check.Sentence,
            })]),
            () => Table(checks));
        return checks.All(c => c.Check.Passed) ? ExitCode.Done : ExitCode.Failed;
    }

    private static Table Table(IEnumerable<(string Part, ConformanceCheck Check)> checks)
    {
        var table = Output.Table("part", "check", "passed", "finding");
        foreach (var (part, check) in checks)
            table.AddRow(new Text(part), new Text(check.Name), new Text(check.Passed ? "yes" : "NO"), new Text(check.Sentence));
        return table;
    }
}
