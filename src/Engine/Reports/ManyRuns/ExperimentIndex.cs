using System.Text;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>A line for each experiment.</summary>
internal static class ExperimentIndex
{
    private static readonly string[] Spaces = ["pixel", "space-to-depth", "signed-distance", "wavelet", "latent", "compressor"];

    public static void Write(StringBuilder text, ReportFacts facts)
    {
        text.Append("## Experiment index\n\n");
        var table = new MarkdownTable(
            "experiment", "type", "resolution", "latent", "architecture", "parameters", "strategy", "mode", "runs");
        // an experiment whose runs were made at several sizes has a line for each
        foreach (var group in facts.Runs.GroupBy(run => run.Experiment with { Configuration = "" }))
        {
            var e = group.Key;
            table.Add(
                e.Id, e.Type, e.Resolution, e.Latent ?? Format.None, e.Architecture, Format.Parameters(e.Parameters),
                e.Strategy ?? Format.None, e.Mode, $"{group.Count()}");
        }

        table.WriteTo(text);
    }

    /// <summary>Where experiments of a space stand in the report.</summary>
    public static int Order(ExperimentFacts experiment) => Array.IndexOf(Spaces, experiment.Space);
}
