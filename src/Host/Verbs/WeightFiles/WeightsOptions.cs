using System.CommandLine;

namespace VoxelZoo.Host.Verbs.WeightFiles;

/// <summary>Options that the verbs on weights share.</summary>
internal static class WeightsOptions
{
    public static Option<string?> Member() => new("--member")
    {
        Description = "Of a checkpoint that holds several dictionaries of tensors the one that is meant, such as ema or model.unet",
        HelpName = "NAME",
    };

    public static Option<string> Out(string kinds) =>
        new("--out") { Description = $"The file to write, {kinds}", HelpName = "FILE", Required = true };
}
