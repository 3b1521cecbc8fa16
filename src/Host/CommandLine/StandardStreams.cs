using System.Runtime.InteropServices;
using System.Text;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Whether somebody takes what the program says. Where its caller closed a stream (<c>&gt;&amp;-</c>), the system gives that number to the
/// next file that is opened, which may be one of the runtime's.
/// </summary>
internal static partial class StandardStreams
{
    private const int Output = 1, Error = 2, GetFlags = 3, AccessMode = 3, ReadOnly = 0;

    /// <summary>Whether standard output can be written to.</summary>
    public static bool OutputIsOpen => IsWritable(Output);

    /// <summary>Standard output, once <see cref="Open"/> was called.</summary>
    public static StandardStream? Out { get; private set; }

    /// <summary>Lets the console write to streams that end quietly where they cannot be written.</summary>
    public static void Open()
    {
        Out = new StandardStream(Console.OpenStandardOutput());
        Console.SetOut(Writer(Out));
        Console.SetError(
            ErrorIsOpen ? new ControlCharacters.Writer(Writer(new StandardStream(Console.OpenStandardError()))) : TextWriter.Null);

        // of the terminal's encoding, without the mark that some begin a file with
        static StreamWriter Writer(Stream stream) =>
            new(stream, Console.OutputEncoding is UTF8Encoding ? new UTF8Encoding(false) : Console.OutputEncoding) { AutoFlush = true };
    }

    /// <summary>Whether standard error can be written to.</summary>
    public static bool ErrorIsOpen => IsWritable(Error);

    private static bool IsWritable(int descriptor) =>
        !OperatingSystem.IsLinux() || (Flags(descriptor, GetFlags) is >= 0 and var flags && (flags & AccessMode) != ReadOnly);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Flags(int descriptor, int command);
}
