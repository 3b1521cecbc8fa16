using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.CommandLine;

public sealed class ControlCharactersTests
{
    [Theory]
    [InlineData("\u001b[2Jx", @"\x1b[2Jx")]
    [InlineData("a\u0007b\rc\u007f\u009b", @"a\x07b\x0dc\x7f\x9b")]
    [InlineData("größer: 2×2\tµm\nΣ", "größer: 2×2\tµm\nΣ")]
    public void Escape_shows_what_a_terminal_would_obey_and_leaves_the_rest(string text, string shown)
    {
        Assert.Equal(shown, ControlCharacters.Escape(text));
        using var written = new StringWriter { NewLine = "\n" };
        using var writer = new ControlCharacters.Writer(written);
        writer.Write(text);
        writer.WriteLine(text);
        writer.Write(text.ToCharArray());
        foreach (var letter in text)
            writer.Write(letter);
        Assert.Equal($"{shown}{shown}\n{shown}{shown}", written.ToString());
    }

    [Fact]
    public void Tables_and_sentences_for_people_hold_no_escape_of_a_file()
    {
        using var console = new ConsoleOfTest();
        Output.Write(Output.Facts(("title", "\u001b[31mred")));
        Output.Write(Output.Text("\u001b[31mred is left out"));
        Output.Write(new Rows(new Text("\u001b[2J"))); // of a verb that does not think of it
        new ConsoleObserver(json: false).Told("\u001b[31mred");
        Assert.DoesNotContain('\u001b', console.Out);
        Assert.Equal(3, console.Out.Split(@"\x1b[31mred").Length - 1);
    }
}
