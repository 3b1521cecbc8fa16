using System.CommandLine;
using System.Globalization;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>sample RUN</c>: generates volumes from a run's best checkpoint.</summary>
internal sealed class SampleVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<int?> _count, _steps;
    private readonly Option<string?> _solver, _interval, _out;
    private readonly Option<double?> _guidance, _rescale, _shift;
    private readonly Option<long?> _seed;

    public SampleVerb()
        : base("sample", "Generates volumes from a run, as NIfTI with pictures")
    {
        _run = With(RunArguments.Run());
        _count = With(new Option<int?>("--count") { Description = "Volumes to generate", HelpName = "N" });
        _solver = With(new Option<string?>("--solver") { Description = "The sampler, such as euler", HelpName = "ID" });
        _steps = With(new Option<int?>("--steps") { Description = "Steps of a sampler with a fixed number of them", HelpName = "N" });
        _guidance = With(new Option<double?>("--guidance") { Description = "Strength of classifier-free guidance; 1 is none", HelpName = "W" });
        _rescale = With(new Option<double?>("--guidance-rescale") { Description = "How far guidance keeps the spread of unguided predictions, 0 to 1", HelpName = "PHI" });
        _interval = With(new Option<string?>("--guidance-interval") { Description = "Noise levels that are guided, 0 to 1", HelpName = "LOW,HIGH" });
        _shift = With(new Option<double?>("--time-shift") { Description = "Crowds steps towards noise (above 1) or the data (below 1)", HelpName = "R" });
        _seed = With(new Option<long?>("--seed") { Description = "Seed of the noise", HelpName = "N" });
        With(CommonOptions.Set);
        _out = With(new Option<string?>("--out") { Description = "Folder for the samples instead of the run's", HelpName = "DIR" });
    }

    public override bool StopsInOrder => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse, Collective);
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        Experiment.Load(session, run, [.. Sets(parse)]).Sample(session, run, parse.GetValue(_out), cancellation);
        return ExitCode.Done;
    }

    private IEnumerable<string> Sets(ParseResult parse)
    {
        (string Key, IFormattable? Value)[] numbers =
        [
            ("count", parse.GetValue(_count)), ("steps", parse.GetValue(_steps)), ("guidance", parse.GetValue(_guidance)),
            ("guidance_rescale", parse.GetValue(_rescale)), ("time_shift", parse.GetValue(_shift)), ("seed", parse.GetValue(_seed)),
        ];
        if (parse.GetValue(_solver) is { } solver)
            yield return $"sampling.use={solver}";
        // what the run says of guidance goes with it
        if (parse.GetValue(_guidance) == 1)
        {
            yield return "sampling.guidance_rescale=null";
            yield return "sampling.guidance_interval=null";
        }

        if (parse.GetValue(_interval) is { } interval)
            yield return $"sampling.guidance_interval=[{interval}]";
        foreach (var (key, value) in numbers.Where(n => n.Value is not null))
            yield return $"sampling.{key}={value!.ToString(null, CultureInfo.InvariantCulture)}";
        foreach (var set in parse.GetValue(CommonOptions.Set) ?? [])
        {
            if (!set.StartsWith("sampling.", StringComparison.Ordinal))
                throw new UsageException($"--set {set.Split('=')[0]}: only keys of `sampling` can differ from those that the run was trained with, such as sampling.eta=1");
            yield return set;
        }
    }
}
