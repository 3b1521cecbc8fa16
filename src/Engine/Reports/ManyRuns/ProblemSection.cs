using System.Text;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What went wrong.</summary>
internal static class ProblemSection
{
    public static void Write(StringBuilder text, ReportFacts facts)
    {
        text.Append("## Problems seen\n\n");
        if (facts.Problems.Count == 0)
            text.Append("None.\n\n");
        foreach (var kind in facts.Problems.GroupBy(problem => problem.Kind))
        {
            text.Append($"### {Title(kind.Key)}\n\n");
            foreach (var same in kind.GroupBy(problem => problem.Sentence))
                text.Append($"- **{string.Join(", ", same.Select(problem => problem.Run).Distinct())}**: {same.Key}\n");
            text.Append('\n');
        }
    }

    private static string Title(ProblemKind kind) => kind switch
    {
        ProblemKind.Failed => "Failed runs",
        ProblemKind.Diverged => "Divergence",
        ProblemKind.Unstable => "Rollbacks and skipped steps",
        ProblemKind.Interrupted => "Marked as running, without a process",
        ProblemKind.TimeLimit => "Time limits",
        ProblemKind.Checkpoints => "Checkpoints",
        ProblemKind.Evaluation => "Warnings of metrics",
        _ => "Files that are missing or cannot be read",
    };
}
