using System.CommandLine;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Cluster;

/// <summary><c>submit EXP</c>: trains an experiment as SLURM jobs, one after the other until it is done.</summary>
internal sealed class SubmitVerb : ExperimentVerb
{
    private readonly Option<string?> _run;
    private readonly Option<bool> _resume;
    private readonly Option<int> _chain;
    private readonly SubmitOptions _options = new();
    private readonly Option<bool> _dryRun;

    public SubmitVerb()
        : base("submit", "Trains an experiment on a SLURM cluster, in as many jobs one after the other as it takes")
    {
        _run = With(RunArguments.Folder());
        _resume = With(new Option<bool>("--resume") { Description = "Continue the run of --run, or the experiment's newest" });
        _chain = With(new Option<int>("--chain")
        {
            Description = "Jobs to submit at most, each where the last one stopped",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
        });
        foreach (var option in _options.All)
            Options.Add(option);
        WithValues("training.epochs=10");
        _dryRun = With(new Option<bool>("--dry-run") { Description = "Print the job script, and submit and write nothing" });
        Add(new SubmitStatusVerb());
        Add(new SubmitBeginVerb());
        Add(new SubmitNextVerb());
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var request = _options.Read(parse);
        var limit = parse.GetValue(_chain);
        if (limit < 1)
            throw new UsageException($"--chain {limit}: a chain has at least 1 job");
        var dry = parse.GetValue(_dryRun);
        if (!dry && !Slurm.IsInstalled)
            throw new UsageException(
                "sbatch is not on the PATH: submit from a machine of the cluster, or look at the script with --dry-run");

        var resume = parse.GetValue(_resume);
        var submission = resume
            ? Submission.Resumed(parse, Named(parse), parse.GetValue(_run), request.Processes)
            : Submission.New(parse, Named(parse), parse.GetValue(_run), request.Processes);
        var (id, folder) = (submission.Id, submission.Folder);
        var before = Predecessor(folder, resume);
        var script = new JobScript
        {
            Experiment = id,
            Request = request,
            Folder = folder,
            Program = Path.Combine(AppContext.BaseDirectory, "voxelzoo"),
            Directory = Environment.CurrentDirectory,
            Arguments = [.. TrainArguments(parse, resume)],
        };
        if (dry)
        {
            Console.Write(script.Text());
            return ExitCode.Done;
        }

        if (request.Processes > 1 && Slurm.WhyNoPmix() is { } why)
            Console.Error.WriteLine($"warning: the processes of a job may not find each other: {why}");
        var job = Submit(submission, script);
        folder.Write(new Chain { Experiment = id, Run = folder.Run, Limit = before.Count + limit, Segments = before }
            .Submitted(job, SegmentReason.Submitted, TimeProvider.System.GetUtcNow()));
        Output.Line($"job {job} trains {id} into {Places.Shown(folder.Run)}; it prints into {folder.Log(job)}");
        return ExitCode.Done;
    }

    /// <summary>The segments of the run's earlier chain, which must have come to an end.</summary>
    private static IReadOnlyList<Segment> Predecessor(ChainFolder folder, bool resume)
    {
        if (folder.Find() is not { } chain)
            return [];
        var last = chain.Segments[^1];
        if (Slurm.State(last.Job) is { } state && Slurm.IsAlive(state))
            throw new UsageException(
                $"{folder.Run} has a chain already, whose job {last.Job} is {state}; end it with `scancel {last.Job}`, or wait");
        return resume ? chain.Segments : [];
    }

    private static IEnumerable<string> TrainArguments(ParseResult parse, bool resume)
    {
        foreach (var plugins in PluginCatalogue.OfEnvironment.Concat(parse.GetValue(CommonOptions.Plugins) ?? []))
            yield return $"--plugins={Path.GetFullPath(plugins)}";
        if (parse.GetValue(CommonOptions.Verbose))
            yield return "--verbose";
        // a run that goes on reads its own experiment; one that is new has them in the file that was resolved
        foreach (var set in resume ? CommonOptions.Sets(parse) : [])
            yield return $"--set={set}";
    }

    /// <summary>Writes the folder and submits its script; leaves no folder where SLURM does not take it.</summary>
    private static string Submit(Submission submission, JobScript script)
    {
        var folder = submission.Folder;
        var isNew = !Directory.Exists(folder.Path);
        try
        {
            Directory.CreateDirectory(folder.Path);
            AtomicFile.WriteText(folder.Experiment, YamlWriter.Write(submission.File));
            if (submission.Origin is { } origin)
                AtomicFile.WriteJson(folder.Origin, origin);
            AtomicFile.WriteText(folder.Script, script.Text());
            return Slurm.Submit(folder.Script);
        }
        catch (Exception e)
        {
            if (isNew && Directory.Exists(folder.Path))
                Directory.Delete(folder.Path, recursive: true);
            if (e is IOException or UnauthorizedAccessException)
                throw new UsageException(e is UnwrittenException ? e.Message : $"{folder.Path} cannot be written: {e.Message}", e);
            throw;
        }
    }
}
