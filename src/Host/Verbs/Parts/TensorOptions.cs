using System.CommandLine;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary>Options of the verbs that run one part on tensors from a file.</summary>
internal static class TensorOptions
{
    public static Option<string> Config(string key) => new("--config")
    {
        Description = $"JSON or YAML: {{\"{key}\": ID, …options}}",
        HelpName = "FILE",
        Required = true,
    };

    public static Option<string> Weights(bool required) => new("--weights")
    {
        Description = required ? "Safetensors with the weights" : "Safetensors with the weights, where there are any",
        HelpName = "FILE",
        Required = required,
    };

    public static Option<string> Inputs() =>
        new("--inputs") { Description = "Safetensors with the inputs", HelpName = "FILE", Required = true };

    public static Option<string> Out() => new("--out") { Description = "Safetensors to write", HelpName = "FILE", Required = true };
}
