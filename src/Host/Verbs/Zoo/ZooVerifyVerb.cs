using System.CommandLine;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo verify</c>: whether animals are what their cards say.</summary>
internal sealed class ZooVerifyVerb : Verb
{
    private readonly Argument<string[]> _animals;
    private readonly Option<bool> _write;

    public ZooVerifyVerb()
        : base("verify", "Checks animals: each field of the card, the SHA-256 of each file, the README, the versions of plugins")
    {
        _animals = With(new Argument<string[]>("ANIMAL")
        {
            Description = "Animals: FAMILY/NAME, or their folders; by default all",
            Arity = ArgumentArity.ZeroOrMore,
        });
        _write = With(new Option<bool>("--write") { Description = "Make each README anew of its card first" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var folders = parse.GetRequiredValue(_animals) is { Length: > 0 } named ? [.. named.Select(ZooFolder.Require)] : ZooFolder.All();
        var catalogue = ProgramHost.Catalogue(parse);
        var faults = folders.Select(folder => (Id: ZooFolder.IdOf(folder), Faults: Faults(folder, catalogue, parse.GetValue(_write))))
            .ToArray();
        Output.Write(
            parse,
            () => new JsonArray([.. faults.Select(one =>
                new JsonObject { ["id"] = one.Id, ["faults"] = new JsonArray([.. one.Faults.Select(fault => JsonValue.Create(fault))]) })]),
            () => Output.Facts(
                faults.SelectMany(one => one.Faults.DefaultIfEmpty("is what its card says").Select(fault => (one.Id, fault)))));
        return faults.All(one => one.Faults.Count == 0) ? ExitCode.Done : ExitCode.Failed;
    }

    private static IReadOnlyList<string> Faults(string folder, PluginCatalogue catalogue, bool write)
    {
        try
        {
            var animal = CardYaml.Read(folder);
            if (write)
                AtomicFile.WriteText(Path.Combine(folder, Animal.ReadmeName), CardReadme.Of(animal.Card));
            return [.. animal.Faults(), .. AnimalPlugins.Faults(animal.Card, catalogue)];
        }
        catch (ConfigurationException e)
        {
            return [e.Message];
        }
    }
}
