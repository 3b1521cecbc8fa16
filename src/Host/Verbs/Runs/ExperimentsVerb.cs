using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>experiments</c>: the YAML files of the experiments folder.</summary>
internal sealed class ExperimentsVerb : Verb
{
    private static readonly string[] Columns = ["id", "title", "architecture", "compressor", "strategy", "target"];

    public ExperimentsVerb()
        : base("experiments", "Lists the experiments") => With(CommonOptions.Json);

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var plugins = ProgramHost.Catalogue(parse);
        Entry[] entries =
        [
            .. ExperimentFolder.List(ExperimentFolder.Find()).Select(file => Read(file, plugins)),
            .. PluginExperiments.All(plugins).Select(brought => Read(brought.File, plugins, brought.Name)),
        ];
        Output.Write(parse, () => new JsonArray([.. entries.Select(Json)]), () => Table(entries));
        return ExitCode.Done;
    }

    /// <param name="file">The experiment's file.</param>
    /// <param name="plugins">Those that it may extend.</param>
    /// <param name="name">By what it is asked for; null for its own id.</param>
    private static Entry Read(string file, PluginCatalogue plugins, string? name = null)
    {
        try
        {
            var root = ExperimentFile.Load(file, plugins: plugins);
            return new Entry(file, null,
            [
                name ?? Text(root["id"]) ?? Path.GetFileNameWithoutExtension(file), Text(root["title"]),
                Part(root["architecture"]), Part(root["compressor"]), Part(root["strategy"]), Text(root["target"]),
            ]);
        }
        catch (ConfigurationException e)
        {
            return new Entry(file, e.Message, [name ?? Path.GetFileNameWithoutExtension(file), null, null, null, null, null]);
        }
    }

    private static string? Part(Node? section) => Text(section is MapNode map ? map["use"] : section);

    private static string? Text(Node? node) => node switch
    {
        ScalarNode scalar => scalar.Text,
        ListNode list => string.Join(", ", list.Items.Select(Text)),
        MapNode map => string.Join(", ", map.Keys),
        _ => null,
    };

    private static JsonObject Json(Entry entry)
    {
        var json = new JsonObject();
        foreach (var (column, value) in Columns.Zip(entry.Values))
            json[column] = value;
        json["path"] = entry.File;
        json["error"] = entry.Error;
        return json;
    }

    private static Table Table(IEnumerable<Entry> entries)
    {
        var table = Output.Table(Columns);
        foreach (var entry in entries)
            table.AddRow(entry.Values.Select((v, i) => new Text((i == 1 ? v ?? entry.Error : v) ?? (entry.Error is null ? "-" : ""))));
        return table;
    }

    private sealed record Entry(string File, string? Error, string?[] Values);
}
