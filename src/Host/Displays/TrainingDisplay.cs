using System.Globalization;
using Spectre.Console;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>Shows how training goes: a bar that says how long it will take on a terminal, a line per epoch anywhere else.</summary>
internal abstract class TrainingDisplay : TrainingObserver, IDisposable
{
    /// <summary>The display for where standard output goes.</summary>
    public static TrainingDisplay ForConsole(Plan plan) =>
        Output.IsWatched ? new Bar(plan.Title.Length > 0 ? plan.Title : plan.Id) : new Lines();

    public override void Started(TrainingStart facts)
    {
        var resumed = facts.FirstStep > 0 ? $", continuing after step {facts.FirstStep:N0}" : "";
        Output.Line(
            $"{facts.Parameters:N0} parameters on {facts.Device}; {facts.Volumes} volumes, {facts.StepsPerEpoch} steps an epoch, "
            + $"{facts.Epochs} epochs{resumed}");
    }

    public override void Warned(string sentence) => ConsoleObserver.Warn(sentence);

    public virtual void Dispose()
    {
    }

    /// <summary>One epoch for people: losses, speed.</summary>
    private static string Sentence(EpochFacts facts, int epochs)
    {
        var validation = facts.Validation is { } v
            ? string.Create(CultureInfo.InvariantCulture, $"  val {v.Loss:F5}{(facts.IsBest ? " (best)" : "")}")
            : "";
        var generation = facts.Generation is { Value: { } value } g
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"  {g.Deciding.Split(' ')[0]} {value:G4}{(facts.IsBestGeneration ? " (best generation)" : "")}")
            : "";
        var skipped = facts.Skipped > 0 ? string.Create(CultureInfo.InvariantCulture, $"  {facts.Skipped} skipped") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"epoch {facts.Epoch}/{epochs}  loss {facts.Loss:F5}{validation}{generation}{skipped}  {facts.Seconds:F1} s");
    }

    /// <summary>How long so many epochs take at the mean speed of those that are done, such as <c>2 h 05 min left</c>.</summary>
    /// <param name="seconds">Of the epochs that are done.</param>
    /// <param name="done">How many they are.</param>
    /// <param name="left">How many there are still.</param>
    internal static string TimeLeft(double seconds, int done, int left)
    {
        var span = TimeSpan.FromSeconds(Math.Min(seconds / done * left, TimeSpan.MaxValue.TotalSeconds / 2));
        return span switch
        {
            { TotalDays: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalDays} d {span.Hours:00} h left"),
            { TotalHours: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.Hours} h {span.Minutes:00} min left"),
            { TotalMinutes: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.Minutes} min {span.Seconds:00} s left"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{span.Seconds} s left"),
        };
    }

    private sealed class Lines : TrainingDisplay
    {
        private double _seconds;
        private int _epochs, _done;

        public override void Started(TrainingStart facts)
        {
            base.Started(facts);
            _epochs = facts.Epochs;
        }

        public override void EpochDone(EpochFacts facts)
        {
            (_seconds, _done) = (_seconds + facts.Seconds, _done + 1);
            var left = _epochs - facts.Epoch;
            Output.Line(left > 0 ? $"{Sentence(facts, _epochs)}  {TimeLeft(_seconds, _done, left)}" : Sentence(facts, _epochs));
        }
    }

    /// <summary>Draws on its own thread; the training thread only moves numbers.</summary>
    private sealed class Bar(string title) : TrainingDisplay
    {
        private readonly ManualResetEventSlim _done = new();
        private Task? _drawing;
        private ProgressTask? _task;
        private int _epochs;

        public override void Started(TrainingStart facts)
        {
            base.Started(facts);
            _epochs = facts.Epochs;
            var total = (double)facts.StepsPerEpoch * facts.Epochs;
            var ready = new TaskCompletionSource();
            _drawing = Task.Run(() => AnsiConsole.Progress()
                .Columns(
                    new TaskDescriptionColumn { Alignment = Justify.Left },
                    new ProgressBarColumn(),
                    new PercentageColumn(),
                    new RemainingTimeColumn(),
                    new SpinnerColumn())
                .Start(context =>
                {
                    _task = context.AddTask(Markup.Escape(title), maxValue: total);
                    _task.Value = facts.FirstStep;
                    ready.SetResult();
                    _done.Wait();
                }));
            Task.WaitAny(ready.Task, _drawing); // training goes on where nothing can be drawn
        }

        public override void Stepped(StepFacts facts)
        {
            if (_task is null)
                return;
            _task.Value = facts.Step;
            _task.Description = string.Create(CultureInfo.InvariantCulture, $"epoch {facts.Epoch}/{_epochs}  loss {facts.Outcome.Loss:F4}");
        }

        public override void Dispose()
        {
            _done.Set();
            if (_drawing is not null)
                Task.WaitAny(_drawing);
            _done.Dispose();
        }
    }
}
