using System.CommandLine;
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
    /// <summary>Whether a person watches, so that progress can be drawn. mpirun gives each process a terminal that nobody sees.</summary>
    public static bool IsWatched => !Console.IsOutputRedirected && Launcher.Find() is null;

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
        using var stream = Console.OpenStandardOutput();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            json.WriteTo(writer);
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Prints for people; unbroken lines where the output is not a terminal.</summary>
    public static void Write(IRenderable people)
    {
        var console = AnsiConsole.Console;
        if (!IsWatched)
            console.Profile.Width = 1000;
        console.Write(people);
    }

    /// <summary>A table with these columns.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Minimal, Expand = false };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(column) { NoWrap = column is "id" or "version" or "status" });
        return table;
    }

    /// <summary>Two columns without a border, for facts.</summary>
    public static Grid Facts(params IEnumerable<(string Name, string Value)> facts)
    {
        var grid = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
        foreach (var (name, value) in facts)
            grid.AddRow(new Text(name), new Text(value));
        return grid;
    }

    /// <summary>A JSON number, or null for what JSON cannot write: infinities and NaN.</summary>
    public static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
