using System.CommandLine;
using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary>
/// <c>plugins trial PATH</c>, which <see cref="PluginTrial"/> starts: loads one plugin, and writes what becomes of it into a file.
/// </summary>
internal sealed class PluginsTrialVerb : Verb
{
    /// <summary>The verb.</summary>
    public new const string Name = "trial";

    private readonly Argument<string> _path;
    private readonly Option<string> _out;
    private readonly Option<bool> _verify;

    public PluginsTrialVerb()
        : base(Name, "Called by doctor and verify to load one plugin")
    {
        _path = With(new Argument<string>("PATH") { Description = "The plugin's folder" });
        _out = With(new Option<string>("--out") { Description = "The file for what becomes of it", HelpName = "FILE", Required = true });
        _verify = With(new Option<bool>("--verify") { Description = "Run the conformance checks" });
        Hidden = true;
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        // shared: the one that waits reads what is there where this process ends at once
        using var file = new StreamWriter(
            new FileStream(parse.GetRequiredValue(_out), FileMode.Create, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        var plugin = PluginFolder.Read(parse.GetRequiredValue(_path), PluginCatalogue.Contract);
        using var host = ProgramHost.Build(parse);
        using var random = new RandomStreams(0);
        var context = host.Services.Context(random, plugin.Id, plugin.Path);
        try
        {
            var loaded = LoadedPlugin.Load(plugin);
            foreach (var mark in plugin.Parts)
            {
                Write(new TrialLine(mark.Id));
                var part = loaded.Create(plugin, mark);
                if (!parse.GetValue(_verify))
                    continue;
                ConformanceCheck?[] checks = [EngineKeys.Verify(part, mark.Kind), .. PartConformance.Verify(part, context)];
                foreach (var check in checks.OfType<ConformanceCheck>())
                    Write(new TrialLine(mark.Id, check.Name, check.Passed, check.Sentence));
            }
        }
        catch (PluginException e)
        {
            Write(new TrialLine(Refusal: e.Message));
        }

        Write(new TrialLine(IsEnd: true));
        return ExitCode.Done;

        void Write(TrialLine line) => file.WriteLine(JsonSerializer.Serialize(line));
    }
}
