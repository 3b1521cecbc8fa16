using System.Globalization;
using System.Text;
using Spectre.Console.Rendering;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Makes control characters visible. Names of folders, titles and comments come from others, and a terminal that is shown their escape
/// sequences obeys them: it clears the screen, or says what no program said.
/// </summary>
internal static class ControlCharacters
{
    /// <summary>The text with <c>\x1b</c> in place of an escape, and so on; ends of lines and tabs stay.</summary>
    public static string Escape(string text) => text.Any(Obeyed) ? string.Concat(text.Select(Shown)) : text;

    /// <summary>What is drawn as before, with the control characters of its texts made visible.</summary>
    public static IRenderable Escape(IRenderable people) => new Escaped(people);

    private static bool Obeyed(char letter) =>
        char.IsControl(letter) && letter is not ('\n' or '\t') && !(letter == '\r' && OperatingSystem.IsWindows());

    private static string Shown(char letter) => Obeyed(letter) ? $"\\x{(int)letter:x2}" : letter.ToString(CultureInfo.InvariantCulture);

    private sealed class Escaped(IRenderable people) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => people.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            from segment in people.Render(options, maxWidth)
            select segment.IsControlCode || !segment.Text.Any(Obeyed) ? segment : new Segment(Escape(segment.Text), segment.Style);
    }

    /// <summary>Passes on what it is given, made visible.</summary>
    /// <param name="writer">Where to.</param>
    internal sealed class Writer(TextWriter writer) : TextWriter(CultureInfo.InvariantCulture)
    {
        public override Encoding Encoding => writer.Encoding;

        public override void Write(char value) => writer.Write(Shown(value));

        public override void Write(char[] buffer, int index, int count) => writer.Write(Escape(new string(buffer, index, count)));

        public override void Write(string? value) => writer.Write(Escape(value ?? ""));

        // in one piece, so that lines of several processes do not mix
        public override void WriteLine(string? value) => writer.WriteLine(Escape(value ?? ""));

        public override void Flush() => writer.Flush();
    }
}
