using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What went wrong in a run, from its files.</summary>
internal static class ProblemList
{
    /// <summary>The problems of a run that could be read.</summary>
    public static IEnumerable<Problem> Of(ReportedRun run) =>
        State(run).Concat(Stability(run)).Concat(Chain(run.Name, run.Chain)).Concat(Checkpoints(run)).Concat(Evaluation(run));

    /// <summary>The problems of a chain of jobs, whose run may not have begun.</summary>
    public static IEnumerable<Problem> Chain(string name, JobChain? chain)
    {
        if (chain is null || chain.State is "active" or "completed")
            yield break;
        var said = chain.LastLine is { } line ? $"; its log ends with “{Format.Line(line, 240)}”" : "";
        yield return new Problem(
            chain.State is "exhausted" or "cancelled" ? ProblemKind.TimeLimit : ProblemKind.Failed,
            name, $"its chain of jobs ({string.Join(", ", chain.Jobs)}) is {chain.State}: {chain.Explanation ?? "no reason given"}{said}");
    }

    private static IEnumerable<Problem> State(ReportedRun run)
    {
        if (run.Status is not { } status || run.IsTraining)
            yield break;
        var at = $"epoch {status.Epoch} of {status.Epochs}";
        switch (status.Status)
        {
            case RunState.Failed:
                yield return new Problem(
                    ProblemKind.Failed, run.Name, $"failed after {at}: {Format.Line(status.LastError ?? "no reason given")}");
                break;
            case RunState.Diverged:
                yield return new Problem(
                    ProblemKind.Diverged,
                    run.Name,
                    $"{Format.Line(status.LastError ?? "no reason given")}"
                    + $"{(status.Best is { } best ? $" (best before: {Format.Loss(best.Loss)} in epoch {best.Epoch})" : "")}");
                break;
            case RunState.TimeLimit:
                yield return new Problem(
                    ProblemKind.TimeLimit,
                    run.Name,
                    $"stopped after {at} with a checkpoint{(run.Chain is { } chain ? $", in job {chain.Jobs.Count} of its chain" : "")}; "
                    + "`train --resume` continues it");
                break;
            case RunState.Completed when status.Segments > 1:
                yield return new Problem(
                    ProblemKind.TimeLimit,
                    run.Name,
                    $"was stopped and continued: completed in {Format.Plural(status.Segments, "segment")}");
                break;
            case RunState.Running or RunState.Interrupted:
                yield return new Problem(
                    ProblemKind.Interrupted,
                    run.Name,
                    $"marked as running after {at}, last written {status.Updated.UtcDateTime:yyyy-MM-dd HH:mm} UTC, "
                    + "and no process on this machine trains it: it was killed, or runs elsewhere");
                break;
        }
    }

    private static IEnumerable<Problem> Stability(ReportedRun run)
    {
        foreach (var back in run.Rollbacks)
            yield return new Problem(
                ProblemKind.Unstable,
                run.Name,
                $"went back from step {Format.Count((long?)back.Measures?.GetValueOrDefault("guard/from_step"))}"
                + $"{(back.Loss > 0 ? $" (loss {Format.Loss(back.Loss)})" : "")} to step {Format.Count(back.Step)}, epoch {back.Epoch}; "
                + $"learning rate {Format.Small(back.LearningRate)} from there");
        if (run.Status is { Rollbacks: > 0 } status && run.Rollbacks.Count < status.Rollbacks)
            yield return new Problem(
                ProblemKind.Unstable, run.Name, $"went back to a checkpoint {Format.Plural(status.Rollbacks, "time")} in all");
        if (run.Status is { NonFiniteValidations: > 0 and var broken })
            yield return new Problem(
                ProblemKind.Unstable,
                run.Name,
                $"{Format.Plural(broken, "validation")} had a loss that is not finite, though the weights were");
        if (run.Status is { SkippedSteps: > 0 } skipping)
            yield return new Problem(
                ProblemKind.Unstable,
                run.Name,
                $"skipped {Format.Plural(skipping.SkippedSteps, "step")}, those that were dropped again included, "
                + $"as the gradient was a spike or not finite; {Format.Count(skipping.Step)} steps stand");
    }

    private static IEnumerable<Problem> Checkpoints(ReportedRun run)
    {
        if (run.Status is { FailedCheckpoints: > 0 and var failed })
            yield return new Problem(ProblemKind.Checkpoints, run.Name, $"{Format.Plural(failed, "checkpoint")} could not be written");
        if (run.DamagedCheckpoints.Count > 0)
            yield return new Problem(
                ProblemKind.Checkpoints, run.Name, $"found damaged and set aside: {string.Join(", ", run.DamagedCheckpoints)}");
    }

    private static IEnumerable<Problem> Evaluation(ReportedRun run) =>
        from set in run.Evaluation?.Generated ?? []
        from quality in set.Metrics
        from warning in quality.Warnings
        select new Problem(
            ProblemKind.Evaluation,
            run.Name,
            $"{quality.Metric} of {string.Join(" = ", set.Checkpoints)} against {quality.Against}: {Format.Line(warning)}");
}
