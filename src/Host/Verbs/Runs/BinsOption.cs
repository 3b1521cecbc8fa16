using System.CommandLine;
using System.Globalization;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>The option by which verbs on samples ask masks for numbers of tumours; it stands for keys of <c>sampling</c>.</summary>
internal static class BinsOption
{
    private const string Name = "--bins";

    public static Option<string?> Create() => new(Name)
    {
        Description = "Tumours that each mask is asked for in the seven bins of size, such as 2,1,0,0,0,0,0; "
            + "law draws them as the training split has them, patients takes those of the split in turn",
        HelpName = "N,N,…|law|patients",
    };

    /// <summary>What the command line says.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="option">The verb's option.</param>
    public static IEnumerable<Assignment> Sets(ParseResult parse, Option<string?> option)
    {
        if (parse.GetValue(option) is not { } given)
            yield break;
        var isSource = OptionsShape.KeyOf(given) is var word
            && Enum.GetNames<SizeBinSource>().Any(name => OptionsShape.KeyOf(name) == word);
        yield return Assignment.By(Name, "sampling.bins", isSource ? null : Counts(given));
        yield return Assignment.By(Name, "sampling.bins_from", isSource ? given : null);
    }

    /// <summary>
    /// Refuses what a plan that takes no numbers would not hear of. Others are refused by the plan, where it is composed.
    /// </summary>
    /// <exception cref="UsageException">It takes none.</exception>
    public static void Require(ParseResult parse, Option<string?> option, Plan plan)
    {
        if (parse.GetValue(option) is { } given && plan is not ExperimentPlan { Condition.SizeBins: not null })
            throw new UsageException(
                $"{Name} {given}: {plan.Id} does not generate from numbers of tumours by size; remove it, or name a run such as exp2's");
    }

    /// <summary>The numbers; what is none stays text, which is refused with the key that it would have.</summary>
    private static object[] Counts(string given) =>
        [.. given.Split(',', StringSplitOptions.TrimEntries).Select(count =>
            int.TryParse(count, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? (object)number : count)];
}
