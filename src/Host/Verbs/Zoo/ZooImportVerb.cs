using System.CommandLine;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo import FOLDER</c>: takes an animal from somewhere else into a zoo.</summary>
internal sealed class ZooImportVerb : Verb
{
    private readonly Argument<string> _from;
    private readonly Option<string> _zoo = ZooArguments.Zoo();

    public ZooImportVerb()
        : base("import", "Takes an animal that somebody else exported into a zoo, once all of it is what its card says")
    {
        _from = With(new Argument<string>("FOLDER") { Description = "The animal's folder" });
        With(_zoo);
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (from, zoo) = (parse.GetRequiredValue(_from), Path.GetFullPath(parse.GetRequiredValue(_zoo)));
        if (!Directory.Exists(from))
            throw new UsageException($"{from}: there is no such folder; name that of an animal");
        var animal = CardYaml.Read(Path.GetFullPath(from));
        var folder = Path.Combine(zoo, animal.Card.Id);
        if (Path.Exists(folder))
            throw new UsageException(
                $"{from}: {Places.Shown(folder)} is there already; take that away first, or name another zoo with {_zoo.Name}");
        animal.Require();
        AnimalPlugins.Require(animal, ProgramHost.Catalogue(parse));
        StagedAnimal.Put(folder, staged => CopyOf(animal, staged).Require()); // what was copied may have changed meanwhile
        Output.Line($"{Places.Shown(folder)}: {animal.Card.Summary}");
        return ExitCode.Done;
    }

    /// <summary>What the card names, and no more.</summary>
    private static Animal CopyOf(Animal animal, string folder)
    {
        var copy = new Animal(folder, animal.Card);
        foreach (var name in animal.Card.Files.Keys.Append(Animal.CardName).Append(Animal.ReadmeName))
        {
            var to = Path.Combine(copy.Folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(animal.Folder, name), to);
        }

        return copy;
    }
}
