using System.Text;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>A small table with a head, whose cells are parted by commas, semicolons or tabs, whichever the head has.</summary>
/// <param name="Columns">The head, in lower case.</param>
/// <param name="Rows">The rows below it, each as long as the head, with its line in the file.</param>
internal sealed record CsvTable(IReadOnlyList<string> Columns, IReadOnlyList<(int Line, IReadOnlyList<string> Cells)> Rows)
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="PlanException">It is no such table.</exception>
    public static CsvTable Read(string file)
    {
        string text;
        try
        {
            text = RegularFile.ReadText(file).TrimStart('\uFEFF');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new PlanException($"{file} cannot be read: {e.Message.Split('\n')[0]}");
        }

        var lines = text.Split('\n').Select((line, index) => (Number: index + 1, Line: line.TrimEnd('\r')))
            .Where(line => line.Line.Trim().Length > 0).ToArray();
        if (lines.Length < 2)
            throw new PlanException($"{file}: expected a head and at least one row.");
        var separator = new[] { '\t', ';', ',' }.MaxBy(sign => lines[0].Line.Count(letter => letter == sign));
        string[] head = [.. Cells(lines[0].Line, separator).Select(cell => cell.ToLowerInvariant())];
        if (head.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new PlanException($"{file}:{lines[0].Number}: the column `{twice.Key}` is there twice.");
        return new CsvTable(
            head,
            [.. lines.Skip(1).Select(line => (line.Number, Row(file, line.Number, Cells(line.Line, separator), head.Length)))]);
    }

    /// <summary>The place of the first of some columns that is there, or −1.</summary>
    public int Find(params IEnumerable<string> names) =>
        names.Select(name => Columns.ToList().IndexOf(name)).FirstOrDefault(place => place >= 0, -1);

    private static IReadOnlyList<string> Row(string file, int line, IReadOnlyList<string> cells, int columns) =>
        cells.Count == columns ? cells : throw new PlanException($"{file}:{line}: {cells.Count} cells, but the head has {columns}.");

    private static IReadOnlyList<string> Cells(string line, char separator)
    {
        var (cells, cell, quoted) = (new List<string>(), new StringBuilder(), false);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"')
                cell.Append(line[i++]);
            else if (line[i] == '"')
                quoted = !quoted;
            else if (line[i] == separator && !quoted)
                Add();
            else
                cell.Append(line[i]);
        }

        Add();
        return cells;

        void Add()
        {
            cells.Add(cell.ToString().Trim());
            cell.Clear();
        }
    }
}
