using System.Text;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>Takes what this test, and what it starts, writes to the console; tests beside it have one of their own.</summary>
internal sealed class ConsoleOfTest : IDisposable
{
    private static readonly AsyncLocal<ConsoleOfTest?> Current = new();

    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    static ConsoleOfTest()
    {
        Console.SetOut(new Chosen(Console.Out, test => test._out));
        Console.SetError(new Chosen(Console.Error, test => test._error));
    }

    public ConsoleOfTest() => Current.Value = this;

    public string Out => _out.ToString();

    public string Error => _error.ToString();

    public void Dispose()
    {
        Current.Value = null;
        _out.Dispose();
        _error.Dispose();
    }

    /// <summary>Writes to the current test's console, or to the process's where no test has one.</summary>
    private sealed class Chosen(TextWriter console, Func<ConsoleOfTest, TextWriter> of) : TextWriter
    {
        public override Encoding Encoding => console.Encoding;

        private TextWriter Writer => Current.Value is { } test ? of(test) : console;

        public override void Write(char value) => Writer.Write(value);

        public override void Write(string? value) => Writer.Write(value);

        public override void Write(char[] buffer, int index, int count) => Writer.Write(buffer, index, count);

        public override void WriteLine(string? value) => Writer.WriteLine(value);
    }
}
