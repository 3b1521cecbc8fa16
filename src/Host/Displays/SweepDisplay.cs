using System.Globalization;
using Spectre.Console;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>Shows how a sweep goes: a bar that says how long it will take on a terminal, a line per configuration anywhere else.</summary>
internal abstract class SweepDisplay : SweepObserver
{
    /// <summary>
    /// Does the work under the display for where standard output goes. It stays on this thread, to which tensors' dispose scopes belong.
    /// </summary>
    /// <param name="json">Whether standard output is for JSON alone.</param>
    /// <param name="volumes">Volumes of each configuration.</param>
    /// <param name="work">The work.</param>
    public static void Over(bool json, int volumes, Action<SweepObserver> work)
    {
        if (json || !Output.IsWatched)
        {
            work(new Lines(json));
            return;
        }

        AnsiConsole.Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn(),
                new SpinnerColumn())
            .Start(context => work(new Bar(context.AddTask("sweep", autoStart: false), volumes)));
    }

    private sealed class Lines(bool json) : SweepDisplay
    {
        public override void Judged(SweptConfiguration one, bool before)
        {
            var metrics = string.Join(
                "  ",
                one.Metrics.Select(metric => $"{metric.Key} {metric.Value.Value?.ToString("G5", CultureInfo.InvariantCulture) ?? "-"}"));
            Output.Line(string.Create(CultureInfo.InvariantCulture,
                $"{one.Name}: {one.Nfe:G5} network calls and {one.SecondsPerVolume:G3} s a volume  "
                + $"{metrics}{(before ? "  (done before)" : "")}"),
                json);
        }
    }

    private sealed class Bar(ProgressTask task, int volumes) : SweepDisplay
    {
        private double _done, _work;
        private string _place = "";

        public override void Started(double total)
        {
            task.MaxValue = Math.Max(total, 1e-9);
            task.StartTask();
        }

        public override void Begins(string place, double work) => (_place, _done, _work) = (place, _done + _work, work);

        public override void Stepped(string name, int volume, SamplerStep step)
        {
            task.Value = _done + _work * (volume + (step.Total is { } total ? (double)step.Done / total : 0)) / volumes;
            task.Description = $"{_place} {name}  volume {volume + 1}/{volumes}";
        }
    }
}
