using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Trains an experiment for some steps as it is trained, in a folder that goes again, and measures that.</summary>
/// <param name="experiment">The experiment.</param>
internal sealed class TrainingBenchmark(Experiment experiment)
{
    /// <summary>Steps that are not measured: memory is laid out, and code is compiled.</summary>
    public const int WarmUp = 3;

    /// <summary>How many times as many steps as were asked for may be made to reach a validation.</summary>
    private const int Patience = 4;

    private const int MatrixEdge = 1024, MatrixProducts = 9;

    private Plan Plan => experiment.Plan;

    /// <summary>Measures, for as many epochs as that takes.</summary>
    /// <param name="steps">How many steps, at least.</param>
    /// <param name="samples">How many volumes are generated after them.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended before it had measured.</exception>
    public Benchmark Run(int steps, int samples, CancellationToken cancellation)
    {
        var trained = experiment.Trained(LongEnough(Plan.Training, steps));
        var checks = new RunTraining(trained, false);
        checks.Check(resumed: null);
        using var random = ExperimentContext.Random(Plan);
        var parts = experiment.Context.PartsOf(Plan, random);
        checks.RefuseTooLarge(parts);
        var place = Directory.CreateTempSubdirectory("voxelzoo-bench-");
        try
        {
            var run = RunFolder.Create(Path.Combine(place.FullName, "run"));
            ExperimentSeal.Write(run, experiment.Source.Text);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var watch = new Watch(trained.Plan.Training, steps, parts.Clock, stop.Cancel, experiment.Context.Observer.Warned);
            if (Plan.Data.Synthesize is { } synthesize)
                experiment.Cohorts.Synthesize(synthesize, run, cancellation);
            var cohort = experiment.Cohorts.Open(Plan, run);
            experiment.CheckCohort(cohort, parts);
            experiment.Borrow(cohort, run, allowChangedData: false, cancellation);
            using (var trainer = trained.CreateTrainer(cohort, run, parts, watch, stop.Token))
                trainer.Run(resume: false, stop.Token);
            cancellation.ThrowIfCancellationRequested();
            var measured = watch.Result(Plan, parts, MachineGflops(parts));
            var seconds = experiment.TimeSamples(cohort, run, parts, samples, cancellation);
            return measured with { SamplingSeconds = seconds.Count > 0 ? Median.Of(seconds) : null };
        }
        finally
        {
            place.Delete(recursive: true);
        }
    }

    /// <summary>Has the steps to measure and the validation to wait for, which comes as often as it did.</summary>
    private static TrainingOptions LongEnough(TrainingOptions training, int steps) => training with
    {
        // an epoch has a step at least
        Epochs = (int)Math.Max(training.Epochs, Math.Min(int.MaxValue, WarmUp + (1L + Patience) * steps)),
        ValidateEvery = Math.Min(training.ValidateEvery, training.Epochs), // the last epoch always validates
    };

    /// <summary>
    /// 10⁹ operations in a second of a product of square matrices: the best of some, as nothing makes one faster than it is.
    /// </summary>
    private static double MachineGflops(PartContext parts)
    {
        using var scope = NewDisposeScope();
        var type = parts.Precision == Precision.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        var (left, right) = (randn([MatrixEdge, MatrixEdge], type, parts.Device), randn([MatrixEdge, MatrixEdge], type, parts.Device));
        var best = double.PositiveInfinity;
        for (var i = 0; i < MatrixProducts; i++)
        {
            using var product = NewDisposeScope();
            var start = Stopwatch.GetTimestamp();
            matmul(left, right)[0, 0].to(ScalarType.Float32).item<float>(); // waits for it
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return 2.0 * MatrixEdge * MatrixEdge * MatrixEdge / best / 1e9;
    }

    /// <summary>Watches a training, and ends it where enough was seen.</summary>
    /// <param name="options">How it is trained.</param>
    /// <param name="wanted">Steps to measure.</param>
    /// <param name="clock">Measures.</param>
    /// <param name="enough">Ends the training.</param>
    /// <param name="warn">Is told what the user should know.</param>
    private sealed class Watch(TrainingOptions options, int wanted, TimeProvider clock, Action enough, Action<string> warn)
        : TrainingObserver
    {
        private readonly List<(double Wait, double Cpu, StepFacts Step)> _steps = [];
        private OperationCount? _operations;
        private TrainingStart _start;
        private long _last;
        private TimeSpan _lastCpu;
        private double? _validation;
        private long _perStep;

        private int StepsToValidation => _start.StepsPerEpoch * options.ValidateEvery;

        public override void Warned(string sentence) => warn(sentence);

        public override void Started(TrainingStart facts)
        {
            _operations = new OperationCount(facts.Modules.Select(module => module.Module));
            _start = facts;
            Mark();
        }

        public override void Stepped(StepFacts facts)
        {
            var (elapsed, cpu) = Mark();
            var wait = Math.Max(0, elapsed - facts.Seconds);
            if (facts.Step == 1)
            {
                _perStep = _operations!.Operations;
                _operations.Dispose();
            }

            if (facts.Step > WarmUp)
                _steps.Add((wait, cpu, facts));
            if (_steps.Count >= wanted && (_validation is not null || StepsToValidation > Patience * wanted))
                enough();
        }

        public override void EpochDone(EpochFacts facts)
        {
            var (elapsed, _) = Mark();
            if (facts.Validation is not null)
                _validation = elapsed;
            if (_steps.Count >= wanted && _validation is not null)
                enough();
        }

        public Benchmark Result(Plan plan, PartContext parts, double machine)
        {
            var (wait, step) = (MedianOf(s => s.Wait), MedianOf(s => s.Step.Seconds));
            var (backward, optimizer) = (MedianOf(s => s.Step.BackwardSeconds), MedianOf(s => s.Step.OptimizerSeconds));
            var forward = Math.Max(0, step - backward - optimizer);
            var validation = _validation / StepsToValidation;
            var all = forward + backward + optimizer + wait + (validation ?? 0);
            var device = MemoryStatistics.Accelerator(parts.Device);
            return new Benchmark
            {
                Experiment = plan.Id,
                Device = parts.Device.ToString(),
                Threads = get_num_threads(),
                Steps = _steps.Count,
                StepSeconds = wait + step,
                StepCpuSeconds = MedianOf(s => s.Cpu),
                SamplesPerSecond = options.BatchSize / (wait + step),
                Share = new BenchmarkShare(forward / all, backward / all, optimizer / all, wait / all, validation / all),
                PeakMebibytes = MemoryStatistics.PeakResident / (double)(1 << 20),
                DeviceMebibytes = device is { } used ? (used.Total - used.Free) / (double)(1 << 20) : null,
                Gflops = 3 * _perStep / step / 1e9,
                MachineGflops = machine,
            };
        }

        /// <summary>Wall and CPU seconds since it last was called.</summary>
        private (double Elapsed, double Cpu) Mark()
        {
            var (before, beforeCpu) = (_last, _lastCpu);
            (_last, _lastCpu) = (clock.GetTimestamp(), Environment.CpuUsage.TotalTime);
            return (clock.GetElapsedTime(before, _last).TotalSeconds, (_lastCpu - beforeCpu).TotalSeconds);
        }

        private double MedianOf(Func<(double Wait, double Cpu, StepFacts Step), double> of) => Median.Of(_steps.Select(of));
    }
}
