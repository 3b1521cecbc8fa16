using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>bench EXP</c>: trains an experiment for some steps and says how long they take, on what, and what memory.</summary>
internal sealed class BenchVerb : ExperimentVerb
{
    private readonly Option<int> _steps, _samples;

    public BenchVerb()
        : base("bench", "Trains an experiment for some steps, keeps nothing, and says how fast it is and what it takes")
    {
        _steps = With(
            new Option<int>("--steps") { Description = "Steps to measure, at least", HelpName = "N", DefaultValueFactory = _ => 20 });
        _samples = With(
            new Option<int>("--samples") { Description = "Volumes to generate after them, whose median time is given", HelpName = "N" });
        With(CommonOptions.Json);
        WithValues("training.batch_size=2");
    }

    // what it makes lies in a folder that has to go
    public override bool StopsInOrder => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var steps = parse.GetValue(_steps);
        if (steps < 1)
            throw new UsageException($"{_steps.Name} {steps}: measure one step or more");
        var samples = parse.GetValue(_samples);
        if (samples < 0)
            throw new UsageException($"{_samples.Name} {samples}: generate none or more");
        using var session = new Session(parse);
        var measured = Load(parse, session).Measure(steps, samples, cancellation);
        Output.Write(parse, () => JsonSerializer.SerializeToNode(measured, AtomicFile.Json)!, () => Output.Facts(Facts(measured)));
        return ExitCode.Done;
    }

    private static IEnumerable<(string Name, string Value)> Facts(Benchmark measured)
    {
        var share = measured.Share;
        yield return ("experiment", measured.Experiment);
        yield return ("device", measured.Device == "cpu" ? Invariant($"cpu, {measured.Threads} threads") : measured.Device);
        yield return (
            "step", Invariant($"{measured.StepSeconds:G3} s, median of {measured.Steps}; {measured.StepCpuSeconds:G3} CPU seconds"));
        yield return ("samples", Invariant($"{measured.SamplesPerSecond:G3} in a second"));
        yield return (
            "share",
            Invariant($"forward {share.Forward:P0}, backward {share.Backward:P0}, optimizer {share.Optimizer:P0}, data {share.Data:P0}, ")
                + (share.Validation is { } validation
                    ? Invariant($"validation {validation:P0}")
                    : "validation not reached: use more --steps"));
        yield return ("memory", Invariant($"{measured.PeakMebibytes:F0} MiB at most")
            + (measured.DeviceMebibytes is { } device ? Invariant($", {device:F0} MiB on the device") : ""));
        if (measured.SamplingSeconds is { } sampling)
            yield return ("sampling", Invariant($"{sampling:G3} s a volume"));
        yield return (
            "speed",
            Invariant(
                $"{measured.Gflops:F1} GFLOP/s in convolutions and linear layers; {measured.MachineGflops:F1} in a product of matrices"));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
