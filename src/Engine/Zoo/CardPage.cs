using System.Globalization;
using System.Text;
using VoxelZoo.Engine.Reports;
using VoxelZoo.Engine.Runs;
using static VoxelZoo.Engine.Reports.Markdown;

namespace VoxelZoo.Engine.Zoo;

/// <summary>
/// All animals of a zoo on one page, which holds nothing that their cards do not; a part of a document between two marks.
/// </summary>
public static class CardPage
{
    private const string Begin = "<!-- animals: made by `zoo list --page` -->", End = "<!-- /animals -->";

    /// <summary>The document with the animals between its marks.</summary>
    /// <param name="document">The document.</param>
    /// <param name="animals">The animals.</param>
    /// <param name="folder">The folder of the document, from which pictures are linked.</param>
    /// <exception cref="InvalidDataException">It has no marks.</exception>
    public static string Put(string document, IReadOnlyList<Animal> animals, string folder)
    {
        var (begin, end) = (document.IndexOf(Begin, StringComparison.Ordinal), document.IndexOf(End, StringComparison.Ordinal));
        return begin >= 0 && end > begin
            ? $"{document[..begin]}{Begin}\n\n{Of(animals, folder)}{document[end..]}"
            : throw new InvalidDataException(
                $"it has no lines `{Begin}` and `{End}`, between which the animals go; put them where they belong");
    }

    private static string Of(IReadOnlyList<Animal> animals, string folder)
    {
        var text = new StringBuilder();
        if (animals.Count == 0)
            Line(text, $"No animal is there.\n");
        else
            Table(text, animals.Select(animal => animal.Card));
        foreach (var animal in animals)
            Describe(text, animal, folder);
        return text.ToString();
    }

    private static void Table(StringBuilder text, IEnumerable<Card> cards)
    {
        var table = new MarkdownTable(
            "animal", "network", "parameters", "size", "sharpness", "lesions", "PSNR", "as asked for", "training", "a volume", "licence");
        foreach (var card in cards)
        {
            table.Add(
                card.Id, card.Network.Part, card.Network.Parameters.ToString("N0", CultureInfo.InvariantCulture),
                ByteCount.Shown(card.Bytes),
                Value(card.Find("sharpness")), Value(card.Find("lesions")), Value(card.Find("psnr")), Value(card.Find(MaskQuality.Exact)),
                FormattableString.Invariant($"{card.Training.Steps:N0} steps, {card.Training.Seconds:F0} s"),
                FormattableString.Invariant($"{card.Trial.Seconds:F1} s"), card.Licences.Weights);
        }

        table.WriteTo(text);
    }

    private static void Describe(StringBuilder text, Animal animal, string folder)
    {
        var card = animal.Card;
        Line(text, $"### `{card.Id}`\n\n{card.Summary} {card.Use.Intended}\n");
        if (card.Files.ContainsKey(Animal.PictureName))
        {
            var picture = Path.GetRelativePath(folder, Path.Combine(animal.Folder, Animal.PictureName));
            Line(text, $"![{card.Trial.Picture}]({picture})\n\n{card.Seen}\n");
        }

        foreach (var limit in card.Use.Limits)
            Line(text, $"- {limit}");
        Line(text, $"- Memorisation: {card.Memorisation}\n");
    }

    private static string Value(CardMeasure? measure) => measure?.Value.ToString("G3", CultureInfo.InvariantCulture) ?? Format.None;
}
