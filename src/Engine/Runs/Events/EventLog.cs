using System.Globalization;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs.Events;

/// <summary>Writes numbers for TensorBoard, a file for each session.</summary>
internal sealed class EventLog : IDisposable
{
    private const string Prefix = "events.out.tfevents.";

    private readonly AppendedFile _file;
    private readonly TimeProvider _clock;

    private EventLog(string path, TimeProvider clock, Action<string> warn)
    {
        (_file, _clock) = (AppendedFile.Open(path, warn), clock);
        Add(ScalarEvent.Version(Now));
    }

    private double Now => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <summary>
    /// Begins a file of a run that goes on after <paramref name="step"/>. Events that were lost with the steps after it are dropped, and
    /// who has read them already is told by the start of a session. Its step alone would not do: numbers of epochs have smaller ones than
    /// the steps of their time.
    /// </summary>
    /// <param name="folder">The folder of the events.</param>
    /// <param name="step">The last step that counts.</param>
    /// <param name="last">For a tag, the last step, or epoch, that counts.</param>
    /// <param name="clock">The time.</param>
    /// <param name="warn">Is told what cannot be written.</param>
    public static EventLog Continue(string folder, long step, Func<string, long> last, TimeProvider clock, Action<string> warn)
    {
        Unwritten.Named(folder, () => Directory.CreateDirectory(folder));
        var before = Files(folder);
        foreach (var file in before)
            Drop(file, last);
        // TensorBoard reads in the order of the names
        var seconds = before.Select(Seconds).Append(clock.GetUtcNow().ToUnixTimeSeconds() - 1).Max() + 1;
        var name = string.Create(
            CultureInfo.InvariantCulture, $"{Prefix}{seconds:D10}.{Environment.MachineName}.{Environment.ProcessId}.0");
        var log = new EventLog(Path.Combine(folder, name), clock, warn);
        if (before.Count > 0)
            log.Add(ScalarEvent.Start(log.Now, step + 1));
        return log;
    }

    /// <summary>Adds a number.</summary>
    public void Add(string tag, double value, long step) => Add(ScalarEvent.Number(Now, step, tag, (float)value));

    private void Add(byte[] data) => _file.Append(EventRecord.Of(data));

    /// <summary>
    /// The files there are, in their order. Versions up to 0.1 named them by ticks of .NET, which would come last for ever.
    /// </summary>
    private static IReadOnlyList<string> Files(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, Prefix + "*").ToArray())
        {
            if (Seconds(file) is > 100_000_000_000 and var ticks)
                File.Move(
                    file,
                    file.Replace(
                        $"{Prefix}{ticks}",
                        $"{Prefix}{(ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond}",
                        StringComparison.Ordinal));
        }

        return [.. Directory.EnumerateFiles(folder, Prefix + "*").Where(file => !AtomicFile.IsHalf(file)).Order(StringComparer.Ordinal)];
    }

    private static long Seconds(string file) =>
        long.TryParse(
            Path.GetFileName(file)[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? seconds
            : 0;

    /// <summary>Rewrites a file that holds what does not count, or an event that was cut off.</summary>
    private static void Drop(string path, Func<string, long> last)
    {
        using (var file = RegularFile.OpenRead(path))
        {
            var (all, good) = (true, 0L);
            foreach (var data in EventRecord.Read(file))
            {
                all &= Counts(data, last);
                good = file.Position;
            }

            if (all && good == file.Length)
                return;
        }

        AtomicFile.Write(path, kept =>
        {
            using var file = RegularFile.OpenRead(path);
            foreach (var data in EventRecord.Read(file).Where(data => Counts(data, last)))
                kept.Write(EventRecord.Of(data));
        });
    }

    private static bool Counts(byte[] data, Func<string, long> last)
    {
        try
        {
            return ScalarEvent.Read(data) is not ({ } step, { } tag) || step <= last(tag);
        }
        catch (Exception e) when (e is InvalidDataException or OverflowException)
        {
            return true; // it is whole and not of this program
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
