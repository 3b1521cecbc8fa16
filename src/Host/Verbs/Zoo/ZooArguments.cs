using System.CommandLine;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary>Arguments that the verbs on animals share.</summary>
internal static class ZooArguments
{
    public static Argument<string> Animal() => new("ANIMAL") { Description = "An animal: FAMILY/NAME, or its folder" };

    public static Option<string> Zoo() =>
        new("--zoo")
        {
            Description = "The zoo that gets it; by default the folder zoo here",
            HelpName = "DIR",
            DefaultValueFactory = _ => "zoo",
        };
}
