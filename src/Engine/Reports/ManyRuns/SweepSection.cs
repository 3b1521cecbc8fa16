using System.Text;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Sweeps of samplers.</summary>
internal static class SweepSection
{
    public static void Write(StringBuilder text, ReportFacts facts)
    {
        var sweeps = facts.Runs.SelectMany(run => run.Sweeps).ToArray();
        if (sweeps.Length == 0)
            return;
        text.Append("## Sampling sweeps\n\n");
        foreach (var sweep in sweeps)
        {
            text.Append(
                $"### {(sweep.Kind == "steps" ? "Number of steps" : "Solvers")}: {sweep.Run} ({sweep.Experiment})\n\n{sweep.Basis}.\n\n");
            var table = new MarkdownTable(sweep.Columns);
            foreach (var row in sweep.Rows)
                table.Add(row);
            table.WriteTo(text);
            if (sweep.Conclusion is { } conclusion)
                text.Append($"{conclusion}\n\n");
        }
    }
}
