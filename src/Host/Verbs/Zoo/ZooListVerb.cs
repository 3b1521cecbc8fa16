using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo list</c>: the animals that there are.</summary>
internal sealed class ZooListVerb : Verb
{
    public ZooListVerb()
        : base("list", "Lists the animals: trained weights that ship") => With(CommonOptions.Json);

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        Write(parse, Cards());
        return ExitCode.Done;
    }

    /// <summary>The cards of all animals; one that cannot be read is told of and passed over.</summary>
    public static IReadOnlyList<Card> Cards()
    {
        List<Card> cards = [];
        foreach (var folder in ZooFolder.All())
        {
            try
            {
                cards.Add(CardYaml.Read(folder).Card);
            }
            catch (ConfigurationException e)
            {
                ConsoleObserver.Warn(e.Message);
            }
        }

        return cards;
    }

    /// <summary>Prints cards, a line each.</summary>
    public static void Write(ParseResult parse, IReadOnlyList<Card> cards) => Output.Write(parse, () => new JsonArray([.. cards.Select(Json)]), () => Table(cards));

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
