using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Host.Cluster;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Standard output: JSON for programs, tables for people.</summary>
internal static class Output
{
    private const int Unbroken = 1000;

    /// <summary>
    /// Whether progress can be drawn: a person watches, on a terminal that takes escape sequences, and has not asked for plain text with
    /// <c>NO_COLOR</c>. mpirun gives each process a terminal that nobody sees.
    /// </summary>
    public static bool IsWatched => !Console.IsOutputRedirected && !IsPlain && Launcher.Find() is null;

    /// <summary>Whether no escape sequence may be written: <c>NO_COLOR</c> (no-color.org) has a value, or the terminal is dumb.</summary>
    public static bool IsPlain =>
        Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || Environment.GetEnvironmentVariable("TERM") == "dumb";

    /// <summary>Prints <paramref name="json"/> where <c>--json</c> was given, and <paramref name="people"/> otherwise.</summary>
    public static void Write(ParseResult parse, Func<JsonNode> json, Func<IRenderable> people)
    {
        if (parse.GetValue(CommonOptions.Json))
            Write(json());
        else
            Write(people());
    }

    /// <summary>Prints indented JSON.</summary>
    public static void Write(JsonNode json)
    {
        var text = json.ToJsonString(
            new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + '\n';
        // in UTF-8, whatever the terminal's encoding is
        if (StandardStreams.Out is { } stream)
            stream.Write(Encoding.UTF8.GetBytes(text));
        else
            Console.Out.Write(text);
    }

    /// <summary>Prints a line, with its control characters made visible: a path or a title may hold what a terminal would obey.</summary>
    /// <param name="text">The line; ends of lines within it stay.</param>
    /// <param name="json">Whether standard output is for JSON alone, so that the line goes to standard error.</param>
    public static void Line(string text, bool json = false) =>
        (json ? Console.Error : Console.Out).WriteLine(ControlCharacters.Escape(text));

    /// <summary>
    /// Prints for people. Where it is not drawn, lines are as wide as <c>COLUMNS</c> says or unbroken, and end with their last letter.
    /// </summary>
    public static void Write(IRenderable people)
    {
        if (IsWatched)
            AnsiConsole.Console.Write(ControlCharacters.Escape(Fitted(people, AnsiConsole.Console)));
        else
            Console.Out.Write(Plain(people, Width()));
    }

    /// <summary>What is printed where no terminal draws it.</summary>
    /// <param name="people">What to print.</param>
    /// <param name="width">The most letters in a line; more where a word and the name before it are longer.</param>
    internal static string Plain(IRenderable people, int width)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Capabilities.Unicode = true;
        console.Profile.Width = width;
        var fitted = Fitted(people, console);
        console.Profile.Width = Math.Max(width, fitted.Measure(RenderOptions.Create(console), Unbroken).Min);
        console.Write(ControlCharacters.Escape(fitted));
        return string.Join('\n', text.ToString().Split('\n').Select(line => line.TrimEnd()));
    }

    /// <summary>A table that would break words or leave columns out becomes blocks: of each row, a line for each column.</summary>
    private static IRenderable Fitted(IRenderable people, IAnsiConsole console)
    {
        var width = console.Profile.Width;
        if (people is not Table table || ((IRenderable)table).Measure(RenderOptions.Create(console), Unbroken).Min <= width)
            return people;
        return new Rows(table.Rows.Select(row =>
        {
            var block = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
            foreach (var (column, cell) in table.Columns.Zip(row))
                block.AddRow(column.Header, cell);
            return new Padder(block, new Padding(0, 1, 0, 0));
        }));
    }

    private static int Width() =>
        int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out var columns)
        && columns > 0
            ? columns
            : Console.IsOutputRedirected ? Unbroken : Console.WindowWidth > 0 ? Console.WindowWidth : Unbroken;

    /// <summary>A table with these columns.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Minimal, Expand = false };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(column) { NoWrap = column is "id" or "version" or "status" });
        return table;
    }

    /// <summary>A text whose control characters are visible before it is laid out, so that it is measured as it is shown.</summary>
    public static Text Text(string text) => new(ControlCharacters.Escape(text));

    /// <summary>Two columns without a border, for facts.</summary>
    public static Grid Facts(params IEnumerable<(string Name, string Value)> facts)
    {
        var grid = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
        foreach (var (name, value) in facts)
            grid.AddRow(Text(name), Text(value));
        return grid;
    }

    /// <summary>A JSON number, or null for what JSON cannot write: infinities and NaN.</summary>
    public static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
