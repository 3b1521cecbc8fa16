using System.Globalization;

namespace VoxelZoo.Host.Cluster;

/// <summary>
/// The job script. It is short, because users read it; what is to be decided is decided by <c>submit begin</c> and <c>submit next</c>.
/// </summary>
internal sealed record JobScript
{
    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>What each segment asks for.</summary>
    public required JobRequest Request { get; init; }

    /// <summary>Where the script is to lie.</summary>
    public required ChainFolder Folder { get; init; }

    /// <summary>The program.</summary>
    public required string Program { get; init; }

    /// <summary>The working directory, in which relative paths of the experiment are looked for.</summary>
    public required string Directory { get; init; }

    /// <summary>Further arguments of <c>train</c>, as in <c>--plugins DIR</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The script.</summary>
    public string Text() => $$"""
        #!/usr/bin/env bash
        # One segment of a training, written by `voxelzoo submit`. It trains until shortly before its time limit and submits
        # itself again, until the run is complete. How far it is: voxelzoo submit status {{Shell.Quote(Folder.Run)}}
        {{string.Join('\n', Directives())}}
        set -u

        voxelzoo={{Shell.Quote(Program)}}
        run={{Shell.Quote(Folder.Run)}}

        # USR1 comes before the time limit, TERM when the job is cancelled or preempted: training saves, and ends with code 3
        signal=none training= interrupted=
        pass_on() {
          interrupted=yes
          [ "$signal" = none ] && signal=$1
          [ -n "$training" ] && kill -s {{Passed}} "$training" 2>/dev/null
        }
        trap 'pass_on USR1' USR1
        trap 'pass_on TERM' TERM

        # notes that the segment began; ends a chain that gets nowhere
        "$voxelzoo" submit begin "$run" || exit

        resume=
        [ -d "$run" ] && resume=--resume
        {{Launch}}"$voxelzoo" train "$run{{ChainFolder.Suffix}}/experiment.yaml" --run "$run" $resume{{Quoted}} &
        training=$!
        wait "$training"; code=$?
        while [ -n "$interrupted" ]; do # a signal ends `wait`, not yet training
          interrupted=
          wait "$training"; code=$?
        done

        # submits the next segment where there is to be one; says in chain.json why, or why not
        "$voxelzoo" submit next "$run" --code "$code" --signal "$signal"

        """;

    // the step has to be told of the cores again: it does not take them over from the job
    private string Launch => Request.Processes == 1 ? ""
        : Request.Cpus is { } cpus ? $"srun --kill-on-bad-exit --cpus-per-task={Number(cpus)} " : "srun --kill-on-bad-exit ";

    private string Quoted => string.Concat(Arguments.Select(argument => " " + Shell.Quote(argument)));

    // srun hands USR1 on to its processes; told to terminate, it would kill them
    private string Passed => Request.Processes == 1 ? "\"$1\"" : "USR1";

    private IEnumerable<string> Directives()
    {
        yield return Directive("job-name", Experiment);
        yield return Directive("chdir", Directory);
        yield return Directive("output", Folder.Path.Replace("%", "%%", StringComparison.Ordinal) + "/%j.log");
        yield return Directive("open-mode", "append"); // a job that is started over keeps what it said before
        yield return "#SBATCH --requeue";
        yield return Directive("time", Request.Time.ToString());
        yield return Directive("signal", $"B:USR1@{Number(Request.Lead)}");
        yield return Directive("nodes", Number(Request.Nodes));
        yield return Directive("ntasks-per-node", Number(Request.ProcessesPerNode));
        if (Request.Gpus is { } gpus)
            yield return Directive("gres", $"gpu:{Number(gpus)}");
        if (Request.Cpus is { } cpus)
            yield return Directive("cpus-per-task", Number(cpus));
        if (Request.Memory is { } memory)
            yield return Directive("mem", $"{Number(memory)}G");
        if (Request.Partition is { } partition)
            yield return Directive("partition", partition);
        if (Request.Account is { } account)
            yield return Directive("account", account);
        foreach (var other in Request.Others)
            yield return $"#SBATCH {other}";
    }

    private static string Directive(string name, string value) => $"#SBATCH --{name}={Shell.QuoteDirective(value)}";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
