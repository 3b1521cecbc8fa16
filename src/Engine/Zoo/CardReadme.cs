using System.Globalization;
using System.Text;
using VoxelZoo.Engine.Reports;
using static VoxelZoo.Engine.Reports.Markdown;

namespace VoxelZoo.Engine.Zoo;

/// <summary>An animal's card for people: <c>README.md</c>, which holds nothing that the card does not.</summary>
public static class CardReadme
{
    /// <summary>The text.</summary>
    public static string Of(Card card)
    {
        var text = new StringBuilder();
        Line(text, $"# {card.Id}\n\n{card.Summary}\n");
        if (card.Files.ContainsKey(Animal.PictureName))
            Line(text, $"![{card.Trial.Picture}]({Animal.PictureName})\n\n{card.Seen}\n");
        if (card.Network.Component == Runs.Checkpoints.Component.Compressor)
            Line(
                text,
                $"```yaml\ncompressor: {{use: {card.Network.Part}, from: zoo/{card.Id}}} # with the options of {Animal.ExperimentName}\n"
                + $"```\n");
        else
            Line(text, $"```\nvoxelzoo sample zoo/{card.Id} --count 2 --out samples\n```\n");
        Facts(text, card);
        Measures(text, card);
        Training(text, card.Training);
        if (card.Files.ContainsKey(Animal.CurveName))
            Line(text, $"![loss over epochs]({Animal.CurveName})\n");
        Line(text, $"## Use\n\n{card.Use.Intended}\n");
        foreach (var limit in card.Use.Limits)
            Line(text, $"- {limit}");
        Line(
            text,
            $"\n## Licences\n\n| of | licence |\n| --- | --- |\n| code | {card.Licences.Code} |\n| weights | {card.Licences.Weights} |\n"
            + $"| training data | {card.Licences.Data} |\n");
        Files(text, card);
        Line(text, $"\nMade of card.yaml by `zoo export`; `zoo verify {card.Id}` compares both.");
        return text.ToString();
    }

    private static void Facts(StringBuilder text, Card card)
    {
        var volumes = card.Volumes;
        var table = new MarkdownTable("", "");
        table.Add(
            "network",
            FormattableString.Invariant($"{card.Network.Part} ({card.Network.Component}, {card.Network.Weights} weights as ")
            + FormattableString.Invariant($"{card.Network.Dtype}), {card.Network.Parameters:N0} parameters"));
        table.Add(
            "makes",
            $"{string.Join(" + ", volumes.Target)}{(volumes.Condition.Count > 0 ? $" from {string.Join(" + ", volumes.Condition)}" : "")}");
        table.Add(
            "volumes",
            FormattableString.Invariant($"{string.Join("×", volumes.Shape)} voxels of ")
            + FormattableString.Invariant($"{string.Join("×", volumes.Spacing.Select(Number))} mm (depth, height, width), ")
            + FormattableString.Invariant($"intensities {Number(volumes.Range[0])} to {Number(volumes.Range[1])}"));
        table.Add("preprocessing", volumes.Preprocessing);
        table.Add("plugins", string.Join(", ", card.Plugins.Select(plugin => $"{plugin.Key} {plugin.Value}")));
        table.Add(
            "one volume",
            FormattableString.Invariant(
                $"{card.Trial.Seconds:F1} s and {card.Trial.PeakMebibytes:N0} MiB at most, on {card.Trial.Machine}: {card.Trial.Of}"));
        table.WriteTo(text);
    }

    private static void Measures(StringBuilder text, Card card)
    {
        Line(text, $"## Measures\n");
        var table = new MarkdownTable("metric", "value", "against", "how");
        foreach (var measure in card.Measures)
            table.Add(measure.Metric, measure.Value.ToString("G4", CultureInfo.InvariantCulture), measure.Against, measure.Protocol);
        table.WriteTo(text);
        Line(text, $"Memorisation: {card.Memorisation}\n");
    }

    private static void Training(StringBuilder text, CardTraining training)
    {
        Line(text, $"## Training\n\n{training.Data}\n");
        var table = new MarkdownTable("", "");
        table.Add(
            "experiment",
            $"{training.Experiment}, sha256 `{training.ExperimentSha256}` as it was trained by; "
            + $"{Animal.ExperimentName} here is that without the places of the machine");
        table.Add("start", training.Start);
        table.Add(
            "length",
            FormattableString.Invariant($"{training.Steps:N0} steps in {training.Epochs:N0} epochs, {training.Seconds:F0} s, ")
            + FormattableString.Invariant($"seed {training.Seed}, on {training.Machine}; ended {training.Date}"));
        foreach (var (split, data) in training.Splits)
            table.Add(split, FormattableString.Invariant($"{data.Patients} volumes, sha256 `{data.Sha256}`"));
        table.WriteTo(text);
    }

    private static void Files(StringBuilder text, Card card)
    {
        Line(text, $"## Files\n");
        var table = new MarkdownTable("file", "bytes", "sha256");
        foreach (var (name, file) in card.Files)
            table.Add(name, file.Bytes.ToString("N0", CultureInfo.InvariantCulture), $"`{file.Sha256}`");
        table.WriteTo(text);
        text.Length--; // the table's blank line is the next one's
    }

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
