using System.CommandLine;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>--modality KIND</c>: which of its modalities a run makes.</summary>
internal static class ModalityOption
{
    public static Option<string?> Create() => new("--modality")
    {
        Description = "Which of the run's condition.modalities is made; by default its target", HelpName = "KIND",
    };

    /// <summary>What the command line says of it.</summary>
    public static IEnumerable<Assignment> Sets(ParseResult parse, Option<string?> option) =>
        parse.GetValue(option) is { } kind ? [Assignment.By(option.Name, "target", kind)] : [];

    /// <summary>Refuses it where there is one image alone.</summary>
    /// <exception cref="UsageException">It is given, and the run makes one image alone.</exception>
    public static void Require(ParseResult parse, Option<string?> option, Plan plan)
    {
        if (parse.GetValue(option) is { } kind && plan is not ExperimentPlan { Condition.Modalities: not null })
            throw new UsageException($"{option.Name} {kind}: {plan.Id} tells no modalities apart (condition.modalities); leave it out");
    }
}
