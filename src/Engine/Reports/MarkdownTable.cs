using System.Text;

namespace VoxelZoo.Engine.Reports;

/// <summary>A table in Markdown. Columns without a value in any row are left out.</summary>
/// <param name="columns">The head.</param>
internal sealed class MarkdownTable(params IReadOnlyList<string> columns)
{
    private readonly List<IReadOnlyList<string>> _rows = [];

    /// <summary>Whether no row was added.</summary>
    public bool IsEmpty => _rows.Count == 0;

    public void Add(params IReadOnlyList<string> row) => _rows.Add(row);

    public void WriteTo(StringBuilder text)
    {
        int[] shown = [.. Enumerable.Range(0, columns.Count).Where(i => _rows.Any(row => row[i] is not ("" or Format.None)))];
        Line(text, shown.Select(i => columns[i]));
        Line(text, shown.Select(_ => "---"));
        foreach (var row in _rows)
            Line(text, shown.Select(i => row[i]));
        text.Append('\n');
    }

    private static void Line(StringBuilder text, IEnumerable<string> cells) =>
        text.Append("| ")
            .AppendJoin(" | ", cells.Select(cell => cell.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal)))
            .Append(" |\n");
}
