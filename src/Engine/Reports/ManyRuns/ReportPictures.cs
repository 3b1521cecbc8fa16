using System.Text.RegularExpressions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>The pictures of a report, in the folder beside it, so that the two can be sent as they are.</summary>
/// <param name="file">The report.</param>
internal sealed partial class ReportPictures(string file)
{
    private const int MostPoints = 1000;
    private const string CurveEnd = "-loss.svg", SampleEnd = "-sample.png";

    private readonly string _folder = Path.Combine(
        Path.GetDirectoryName(Path.GetFullPath(file))!, Path.GetFileNameWithoutExtension(file) + "_files");
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _new = [];

    /// <summary>Draws the losses of an experiment's runs; null where none has an epoch.</summary>
    /// <returns>A link.</returns>
    public string? Curve(IReadOnlyList<ReportedRun> runs)
    {
        List<CurveSeries> series = [];
        foreach (var (run, colour) in runs.Where(run => run.Epochs.Count > 0).Select((run, i) => (run, i)))
        {
            series.Add(
                new CurveSeries($"{run.Name}, training", Thin([.. run.Epochs.Select(e => ((double)e.Epoch, e.Loss))])) { Colour = colour });
            series.Add(new CurveSeries(
                $"{run.Name}, validation",
                Thin([.. run.Epochs.Where(e => e.ValidationLoss is not null).Select(e => ((double)e.Epoch, e.ValidationLoss!.Value))]))
            {
                Colour = colour,
                IsDashed = true,
            });
        }

        return series.Count == 0
            ? null
            : Add(
                runs[0].Experiment.Id,
                CurveEnd,
                path => AtomicFile.WriteText(path, LossCurve.Svg([.. series.Where(s => s.Points.Count > 0)], "epoch")));
    }

    /// <summary>Copies the picture of a run's sample.</summary>
    /// <returns>A link.</returns>
    public string Sample(ReportedRun run) => Add(run.Experiment.Id, SampleEnd, path => AtomicFile.Write(path, stream =>
    {
        using var picture = RegularFile.OpenRead(run.Picture!.Value.Path);
        picture.CopyTo(stream);
    }));

    /// <summary>Removes the pictures of a report that is not written: those that were not there before.</summary>
    public void Discard()
    {
        foreach (var path in _new.Where(File.Exists))
            File.Delete(path);
        if (Directory.Exists(_folder) && !Directory.EnumerateFileSystemEntries(_folder).Any())
            Directory.Delete(_folder);
    }

    /// <summary>Removes pictures that an earlier report left and this one does not show.</summary>
    public void RemoveOthers()
    {
        if (!Directory.Exists(_folder))
            return;
        foreach (var other in Directory.EnumerateFiles(_folder).Where(path => !_names.Contains(Path.GetFileName(path))
            && (path.EndsWith(CurveEnd, StringComparison.Ordinal) || path.EndsWith(SampleEnd, StringComparison.Ordinal))))
            File.Delete(other);
    }

    /// <summary>Every so manieth point of a line that has more than can be seen.</summary>
    private static (double, double)[] Thin((double, double)[] points)
    {
        var every = points.Length / MostPoints + 1;
        return [.. points.Where((_, i) => i % every == 0 || i == points.Length - 1)];
    }

    private string Add(string id, string end, Action<string> write)
    {
        var safe = Unsafe().Replace(id, "-");
        var name = Enumerable.Range(1, int.MaxValue - 1).Select(n => $"{safe}{(n == 1 ? "" : $"-{n}")}{end}").First(_names.Add);
        Unwritten.Named(_folder, () => Directory.CreateDirectory(_folder));
        var path = Path.Combine(_folder, name);
        if (!File.Exists(path))
            _new.Add(path);
        write(path);
        return $"{Uri.EscapeDataString(Path.GetFileName(_folder))}/{Uri.EscapeDataString(name)}";
    }

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex Unsafe();
}
