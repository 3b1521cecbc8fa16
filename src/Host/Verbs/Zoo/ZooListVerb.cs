using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Zoo;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo list</c>: the animals that there are.</summary>
internal sealed class ZooListVerb : Verb
{
    private readonly Option<string?> _page;

    public ZooListVerb()
        : base("list", "Lists the animals: trained weights that ship")
    {
        _page = With(new Option<string?>("--page")
        {
            Description = "Put them into a document instead, between its two lines that say so",
            HelpName = "FILE.md",
        });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var animals = Animals();
        if (parse.GetValue(_page) is { } page)
            Put(page, animals);
        else
            Write(parse, [.. animals.Select(animal => animal.Card)]);
        return ExitCode.Done;
    }

    private static void Put(string page, IReadOnlyList<Animal> animals)
    {
        if (!File.Exists(page) || RegularFile.WhyNot(page) is not null)
            throw new UsageException(
                $"--page {page}: there is no such document; write one with the two lines between which the animals go");
        try
        {
            AtomicFile.WriteText(page, CardPage.Put(RegularFile.ReadText(page), animals, Path.GetDirectoryName(Path.GetFullPath(page))!));
        }
        catch (InvalidDataException e)
        {
            throw new UsageException($"--page {page}: {e.Message}", e);
        }
    }

    /// <summary>All animals; one whose card cannot be read is told of and passed over.</summary>
    public static IReadOnlyList<Animal> Animals()
    {
        List<Animal> animals = [];
        foreach (var folder in ZooFolder.All())
        {
            try
            {
                animals.Add(CardYaml.Read(folder));
            }
            catch (ConfigurationException e)
            {
                ConsoleObserver.Warn(e.Message);
            }
        }

        return animals;
    }

    /// <summary>Prints cards, a line each.</summary>
    public static void Write(ParseResult parse, IReadOnlyList<Card> cards) =>
        Output.Write(parse, () => new JsonArray([.. cards.Select(Json)]), () => Table(cards));

    private static JsonObject Json(Card card) => new()
    {
        ["id"] = card.Id,
        ["summary"] = card.Summary,
        ["parameters"] = card.Network.Parameters,
        ["size"] = card.Bytes,
        ["sharpness"] = card.Sharpness is { } sharpness ? Output.Number(sharpness) : null,
        ["licence"] = card.Licences.Weights,
    };

    private static IRenderable Table(IEnumerable<Card> cards)
    {
        var table = Output.Table("id", "parameters", "size", "sharpness", "licence", "summary");
        foreach (var card in cards)
        {
            string[] row =
            [
                card.Id, FormattableString.Invariant($"{card.Network.Parameters:N0}"), ByteCount.Shown(card.Bytes),
                card.Sharpness is { } sharpness ? FormattableString.Invariant($"{sharpness:F2}") : "-", card.Licences.Weights, card.Summary,
            ];
            table.AddRow(row.Select(Output.Text));
        }

        return table;
    }
}
