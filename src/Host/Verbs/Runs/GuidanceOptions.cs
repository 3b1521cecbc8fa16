using System.CommandLine;
using System.Globalization;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>The options of guidance and of times that verbs on samples share; each stands for a key of <c>sampling</c>.</summary>
internal sealed class GuidanceOptions
{
    private readonly Option<double?> _guidance = new("--guidance")
    {
        Description = "Strength of classifier-free guidance; 1 is none",
        HelpName = "W",
    };
    private readonly Option<double?> _rescale = new("--guidance-rescale")
    {
        Description = "How far guidance keeps the spread of unguided predictions, 0 to 1",
        HelpName = "PHI",
    };
    private readonly Option<string?> _interval = new(
        "--guidance-interval") { Description = "Noise levels that are guided, 0 to 1", HelpName = "LOW,HIGH" };
    private readonly Option<double?> _end = new("--guidance-end")
    {
        Description = "Strength at the end of the way, to which it goes from --guidance",
        HelpName = "W",
    };
    private readonly Option<string?> _schedule = new(
        "--guidance-schedule") { Description = "How it goes there: linear or cosine", HelpName = "NAME" };
    private readonly Option<bool> _zero = new("--guidance-zero") { Description = "Guide as CFG-Zero* does" };
    private readonly Option<int?> _zeroInit = new("--guidance-zero-init")
    {
        Description = "Steps at the start that stand still with CFG-Zero*",
        HelpName = "N",
    };
    private readonly Option<string?> _from = new("--guidance-from")
    {
        Description = "Run whose weaker model is guided away from, in place of predictions without the condition",
        HelpName = "RUN",
    };
    private readonly Option<string?> _checkpoint = new("--guidance-checkpoint")
    {
        Description = "Its checkpoint; without --guidance-from an earlier one of the run itself",
        HelpName = "NAME",
    };
    private readonly Option<double?> _length = new("--ema-length")
    {
        Description = "Length of the average of the weights that generates, as a share of the training",
        HelpName = "SIGMA",
    };
    private readonly Option<double?> _shift = new("--time-shift")
    {
        Description = "Crowds steps towards noise (above 1) or the data (below 1)",
        HelpName = "R",
    };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All =>
        [_guidance, _rescale, _interval, _end, _schedule, _zero, _zeroInit, _from, _checkpoint, _length, _shift];

    /// <summary>What the command line says of them.</summary>
    public IEnumerable<Assignment> Sets(ParseResult parse)
    {
        // what the run says of guidance goes with it
        if (parse.GetValue(_guidance) == 1)
        {
            foreach (var key in new[] { "rescale", "interval", "end", "schedule", "zero", "zero_init", "from", "checkpoint" })
                yield return Assignment.By("--guidance", $"sampling.guidance_{key}", null);
        }

        if (parse.GetValue(_interval) is { } interval)
            yield return Assignment.By("--guidance-interval", "sampling.guidance_interval", Ends(interval));
        (string Key, object? Value)[] others =
        [
            ("guidance", parse.GetValue(_guidance)), ("guidance_rescale", parse.GetValue(_rescale)), ("guidance_end", parse.GetValue(_end)),
            ("guidance_schedule", parse.GetValue(_schedule)), ("guidance_zero", parse.GetValue(_zero) ? true : null),
            ("guidance_zero_init", parse.GetValue(_zeroInit)),
            ("guidance_from", parse.GetValue(_from)), ("guidance_checkpoint", parse.GetValue(_checkpoint)),
            ("ema_length", parse.GetValue(_length)), ("time_shift", parse.GetValue(_shift)),
        ];
        foreach (var (key, value) in others.Where(other => other.Value is not null))
            yield return Assignment.By($"--{key.Replace('_', '-')}", $"sampling.{key}", value);
    }

    /// <summary>The ends of an interval; what is no number stays text, which is refused with the key that it would have.</summary>
    private static object[] Ends(string interval) =>
        [.. interval.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(end => double.TryParse(end, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? (object)number : end)];
}
