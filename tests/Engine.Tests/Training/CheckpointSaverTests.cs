using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using Microsoft.Extensions.Logging.Abstractions;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>Checkpoints on a disk that writes when the test lets it.</summary>
[Collection(Alone.Name)]
public sealed class CheckpointSaverTests : IDisposable
{
    private static readonly TrainingOptions Options = new();

    private readonly TinyRun _run = new();
    private readonly RandomStreams _random = new(1);
    private readonly List<string> _warnings = [];
    private readonly OneWeight _task;
    private readonly TrainingState _state;

    public CheckpointSaverTests()
    {
        File.WriteAllText(_run.Folder.Experiment, "id: tiny\n");
        _task = new OneWeight(new PartContext(torch.CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, _random));
        _state = new TrainingState(_task, 1);
    }

    public void Dispose()
    {
        _task.Dispose();
        _random.Dispose();
        _run.Dispose();
    }

    private CheckpointSaver Saver(FaultyFiles files) =>
        new(new CheckpointStore(_run.Folder.Checkpoints, files), _run.Folder, _state, Options, stepsPerEpoch: 1, _warnings.Add);

    /// <summary>One step and the end of its epoch; the weight is the number of steps.</summary>
    private void Step()
    {
        _state.Stepped(new StepOutcome(1, 1), 0);
        _state.EndEpoch();
        _task.Set(_state.Position.Step);
    }

    [Fact]
    public void Training_goes_on_while_the_disk_stands_still_and_what_it_changes_is_not_in_the_checkpoint()
    {
        using var disk = new ManualResetEventSlim();
        using var saver = Saver(new FaultyFiles(Fault.InputOutput, fails: 0) { Creating = disk.Wait });
        Step();
        saver.Begin(best: true, before: null);
        Step();
        Step();
        Assert.Empty(Directory.GetDirectories(_run.Folder.Checkpoints, "step-*"));

        disk.Set();
        saver.Settle(wait: true);

        Assert.Equal(1, _run.Latest.Manifest.Position.Step);
        Assert.Equal(1, _run.Scalar("weights", "weight"));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Next_save_waits_for_the_one_before()
    {
        using var disk = new ManualResetEventSlim();
        using var saver = Saver(new FaultyFiles(Fault.InputOutput, fails: 0) { Creating = disk.Wait });
        Step();
        saver.Begin(best: false, before: null);
        Step();
        var second = new Thread(() => saver.Begin(best: false, before: null));
        second.Start();
        Assert.False(second.Join(200));

        disk.Set();
        second.Join();
        saver.Settle(wait: true);

        Assert.Equal(["step-00000001", "step-00000002"], _run.Checkpoints);
    }

    [Fact]
    public void Disk_that_does_not_answer_does_not_hold_training_up()
    {
        using var answer = new ManualResetEventSlim();
        using var saver = Saver(new FaultyFiles(Fault.InputOutput, fails: 0) { Creating = () => answer.Wait(TimeSpan.FromMinutes(5)) });
        Step();
        saver.Begin(best: false, before: null); // would not come back
        for (var step = 0; step < 3; step++)
        {
            Step();
            saver.Settle(wait: false); // nor would these
        }

        Assert.DoesNotContain(_run.Checkpoints, name => name.StartsWith("step-", StringComparison.Ordinal));
        answer.Set();
        saver.Settle(wait: true);

        Assert.Equal(["step-00000001"], _run.Checkpoints);
        Assert.True(saver.TakeHeldSeconds() > 0);
        Assert.Equal(0, saver.TakeHeldSeconds());
    }

    [Fact]
    public void Best_validation_without_a_checkpoint_is_not_the_best()
    {
        var disk = new FaultyFiles(Fault.NoSpace, fails: 9);
        using var saver = Saver(disk);
        var before = new BestValidation(0, 2.0);
        Step();
        _state.Best = new BestValidation(1, 1.0);
        saver.Begin(best: true, before);
        saver.Settle(wait: true);

        Assert.Equal(before, _state.Best);
        Assert.True(saver.HasFailed);
        Assert.Contains("no checkpoint was written after epoch 1", Assert.Single(_warnings), StringComparison.Ordinal);

        saver.Begin(best: false, before); // the disk is well again
        Assert.False(saver.HasFailed);
        Assert.Equal(1, _run.Latest.Manifest.Position.Step);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void Copies_are_freed_whether_the_disk_fails_or_not(int fails)
    {
        using var scope = torch.NewDisposeScope();
        var count = LiveTensors.Settled();
        using (var saver = Saver(new FaultyFiles(Fault.InputOutput, fails)))
        {
            Step();
            saver.Begin(best: false, before: null);
        }

        Assert.Equal(count, Tensor.TotalCount);
    }

    /// <summary>One weight, which the test moves.</summary>
    private sealed class OneWeight : TrainingTask
    {
        private readonly Weight _weight = new();

        public OneWeight(PartContext context)
            : base(CheckpointSaverTests.Options, context) => Modules = [new TrainedModule("weights", _weight, Options)];

        public override IReadOnlyList<TrainedModule> Modules { get; }

        public void Set(double value)
        {
            using var noGradient = torch.no_grad();
            _weight.weight.fill_(S(value));
        }

        public override StepOutcome Step(Batch batch, long step, int epoch) => throw new NotSupportedException();

        protected override double Probe(Batch batch) => throw new NotSupportedException();

        public override Validation? Validate() => null;

        public override void Dispose()
        {
            Modules[0].Dispose();
            _weight.Dispose();
        }
    }

    private sealed class Weight : nn.Module
    {
        public readonly Parameter weight = new(torch.zeros(1));

        public Weight()
            : base("weight") => RegisterComponents();
    }
}
