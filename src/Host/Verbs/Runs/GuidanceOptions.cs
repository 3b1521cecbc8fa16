using System.CommandLine;
using System.Globalization;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>The options of guidance and of times that verbs on samples share; each stands for a key of <c>sampling</c>.</summary>
internal sealed class GuidanceOptions
{
    private readonly Option<double?> _guidance = new("--guidance") { Description = "Strength of classifier-free guidance; 1 is none", HelpName = "W" };
    private readonly Option<double?> _rescale = new("--guidance-rescale") { Description = "How far guidance keeps the spread of unguided predictions, 0 to 1", HelpName = "PHI" };
    private readonly Option<string?> _interval = new("--guidance-interval") { Description = "Noise levels that are guided, 0 to 1", HelpName = "LOW,HIGH" };
    private readonly Option<double?> _shift = new("--time-shift") { Description = "Crowds steps towards noise (above 1) or the data (below 1)", HelpName = "R" };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_guidance, _rescale, _interval, _shift];

    /// <summary>What the command line says of them.</summary>
    public IEnumerable<Assignment> Sets(ParseResult parse)
    {
        // what the run says of guidance goes with it
        if (parse.GetValue(_guidance) == 1)
        {
            yield return Assignment.By("--guidance", "sampling.guidance_rescale", null);
            yield return Assignment.By("--guidance", "sampling.guidance_interval", null);
        }

        if (parse.GetValue(_interval) is { } interval)
            yield return Assignment.By("--guidance-interval", "sampling.guidance_interval", Ends(interval));
        (string Key, double? Value)[] numbers = [("guidance", parse.GetValue(_guidance)), ("guidance_rescale", parse.GetValue(_rescale)), ("time_shift", parse.GetValue(_shift))];
        foreach (var (key, value) in numbers.Where(n => n.Value is not null))
            yield return Assignment.By($"--{key.Replace('_', '-')}", $"sampling.{key}", value!.Value);
    }

    /// <summary>The ends of an interval; what is no number stays text, which is refused with the key that it would have.</summary>
    private static object[] Ends(string interval) =>
        [.. interval.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(end => double.TryParse(end, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? (object)number : end)];
}
