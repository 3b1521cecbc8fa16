using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>Reads for a report what is YAML, and what SLURM jobs left.</summary>
internal sealed class ReportSources : IRunSources
{
    private const int LogEnd = 4096;

    /// <inheritdoc/>
    public JsonObject Experiment(RunFolder run)
    {
        try
        {
            return Short(NodeJson.Of(YamlReader.ReadFile(run.Experiment))) as JsonObject
                ?? throw new RunFolderException($"{run.Experiment} holds no experiment");
        }
        catch (ConfigurationException e)
        {
            throw new RunFolderException(e.Message);
        }
    }

    /// <inheritdoc/>
    public string PartName(string use) => ShortName(use);

    /// <inheritdoc/>
    public JobChain? Chain(string path)
    {
        var folder = new ChainFolder(path);
        try
        {
            if (folder.Find() is not { Segments.Count: > 0 } chain)
                return null;
            var last = chain.Segments[^1].Job;
            return new JobChain(
                JsonNamingPolicy.SnakeCaseLower.ConvertName(chain.State.ToString()),
                chain.Explanation,
                [.. chain.Segments.Select(segment => segment.Job).Distinct()],
                chain.Segments.Count(segment => segment.ExitCode == 3 || segment.Signal == "USR1"),
                chain.State is ChainState.Active or ChainState.Completed ? null : LastLine(folder.Log(last)));
        }
        catch (UsageException e)
        {
            throw new RunFolderException(e.Message);
        }
    }

    /// <summary>The parts of the program's own plugins by their names alone, as experiments mostly name them.</summary>
    private static JsonNode? Short(JsonNode? node)
    {
        if (node is JsonArray list)
            return new JsonArray(
                [
                    .. list.Select(
                        item => item is JsonValue value && value.TryGetValue<string>(out var name) ? ShortName(name) : Short(item)),
                ]);
        if (node is not JsonObject map)
            return node?.DeepClone();
        return new JsonObject(map.Select(entry => KeyValuePair.Create(
            entry.Key, entry is { Key: "use", Value: JsonValue used } ? ShortName(used.ToString()) : Short(entry.Value))));
    }

    private static string ShortName(string name) =>
        Host.Plugins.PartName.Parse(name) is { Plugin: { } plugin } part && (plugin == PartRegistry.Host || OwnPlugins.HasId(plugin))
            ? part.Id
            : name;

    private static string? LastLine(string log)
    {
        if (!File.Exists(log))
            return null;
        using var file = RegularFile.OpenRead(log);
        file.Seek(-Math.Min(LogEnd, file.Length), SeekOrigin.End);
        return new StreamReader(file).ReadToEnd().Split('\n').LastOrDefault(line => !string.IsNullOrWhiteSpace(line))?.Trim();
    }
}
