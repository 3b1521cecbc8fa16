using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Configuration;
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
            return NodeJson.Of(YamlReader.ReadFile(run.Experiment)) as JsonObject ?? throw new RunFolderException($"{run.Experiment} holds no experiment");
        }
        catch (ConfigurationException e)
        {
            throw new RunFolderException(e.Message);
        }
    }

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

    private static string? LastLine(string log)
    {
        if (!File.Exists(log))
            return null;
        using var file = RegularFile.OpenRead(log);
        file.Seek(-Math.Min(LogEnd, file.Length), SeekOrigin.End);
        return new StreamReader(file).ReadToEnd().Split('\n').LastOrDefault(line => !string.IsNullOrWhiteSpace(line))?.Trim();
    }
}
