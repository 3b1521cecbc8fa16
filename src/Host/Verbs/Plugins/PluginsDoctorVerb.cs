using System.CommandLine;
using System.Text.Json.Nodes;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Diagnosis;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary>
/// <c>plugins doctor</c>: loads libtorch and every plugin, each in a process of its own, and says what does not work and why.
/// </summary>
internal sealed class PluginsDoctorVerb : Verb
{
    private readonly TrialOptions _options = new(seconds: 60);

    public PluginsDoctorVerb()
        : base("doctor", "Loads libtorch and every plugin, each in a process of its own, and says what does not work and why")
    {
        With(CommonOptions.Json);
        foreach (var option in _options.All)
            Options.Add(option);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var catalogue = ProgramHost.Catalogue(parse);
        var native = NativeState.Load();
        var trial = _options.Trial(parse);
        var ailing = catalogue.Plugins.AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Min(4, Environment.ProcessorCount))
            .Select(p => (Plugin: p, Reason: p.Reason ?? p.Locked?.WhyBlocked(p.Path) ?? native.Fault ?? Try(trial, p)))
            .Where(p => p.Reason is not null).ToArray();
        Output.Write(
            parse,
            () => new JsonObject
            {
                ["contract"] = PluginCatalogue.Contract.ToNormalizedString(),
                ["folders"] = new JsonArray([.. catalogue.Folders.Select(f => JsonValue.Create(f))]),
                ["native"] = new JsonObject
                {
                    ["libtorch"] = native.Libtorch,
                    ["shim"] = native.Shim,
                    ["cure"] = native.Cure,
                    ["fault"] = native.Fault,
                    [NativeTorch.DirectoryVariable] = Environment.GetEnvironmentVariable(NativeTorch.DirectoryVariable),
                },
                ["plugins"] = catalogue.Plugins.Length,
                ["failed"] = new JsonArray(
                    [.. ailing.Select(a => new JsonObject { ["id"] = a.Plugin.Id, ["path"] = a.Plugin.Path, ["reason"] = a.Reason })]),
            },
            () => Output.Facts(
            [
                ("contract", PluginCatalogue.Contract.ToNormalizedString()),
                .. catalogue.Folders.Select(f => ("plugins in", f)),
                ("libtorch", native.Fault ?? native.Libtorch!),
                ("shim", native.Shim ?? "not loaded by the host"),
                ("cure", native.Cure ?? "none was needed"),
                (NativeTorch.DirectoryVariable, Environment.GetEnvironmentVariable(NativeTorch.DirectoryVariable) ?? "not set"),
                ("plugins", $"{catalogue.Plugins.Length} found, {catalogue.Plugins.Length - ailing.Length} usable"),
                .. ailing.Select(
                    a => (a.Plugin.Id, a.Plugin.Reason is { } reason ? $"{reason} ({Places.Shown(a.Plugin.Path)})" : a.Reason!)),
            ]));
        return native.Fault is null && ailing.Length == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static string? Try(PluginTrial trial, Plugin plugin)
    {
        TrialOptions.Tell("loading", plugin);
        return trial.Run(plugin, verifies: false).Fault is not { } fault ? null
            : fault.StartsWith("the plugin ", StringComparison.Ordinal) ? fault
            : $"the plugin `{plugin.Id}` ({plugin.Path}) cannot be used: {fault}";
    }
}
