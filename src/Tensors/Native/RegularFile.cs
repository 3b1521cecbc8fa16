using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// Tells files from what only looks like one: to open a pipe that nobody writes to would wait for ever, deaf to signals. Compiled into each
/// assembly that reads files, because the first use of this one loads libtorch, which listings and reports do without.
/// </summary>
internal static partial class RegularFile
{
    // statx(2), whose layout is the same on every architecture
    private const int WorkingFolder = -100, NoFollow = 0x100, TypeMask = 1, Size = 256, ModeOffset = 28;

    private const int NoEntry = 2, TooManyLinks = 40;

    private const int TypeBits = 0xF000, Directory = 0x4000, Regular = 0x8000, Link = 0xA000;

    /// <summary>
    /// Marks exceptions of what cannot be a file, which is a matter of what was given and not of what went wrong. A type of its own would
    /// be another one in each assembly.
    /// </summary>
    public const int Refused = 0x20F11E;

    private const string Dangling = "this is a symbolic link that leads nowhere; point it at a file.";

    /// <summary>
    /// Why a path cannot be read as a file: it is a pipe, a socket or a device, or its symbolic links go in a circle or nowhere.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <returns>
    /// A sentence without the path, with its full stop; null for a file, a folder, and what is not there, which opening it tells.
    /// </returns>
    public static string? WhyNot(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> facts = stackalloc byte[Size];
        if (StatX(WorkingFolder, path, 0, TypeMask, ref MemoryMarshal.GetReference(facts)) != 0)
            return Marshal.GetLastPInvokeError() switch
            {
                TooManyLinks => "this is a symbolic link that leads back to itself; point it at a file.",
                NoEntry when IsLink(path) => Dangling,
                _ => null,
            };
        return (BinaryPrimitives.ReadUInt16LittleEndian(facts[ModeOffset..]) & TypeBits) is Regular or Directory
            ? null
            : "this is not a file but a pipe or a device; write it to a file first.";
    }

    private static bool IsLink(string path)
    {
        Span<byte> facts = stackalloc byte[Size];
        return StatX(WorkingFolder, path, NoFollow, TypeMask, ref MemoryMarshal.GetReference(facts)) == 0
            && (BinaryPrimitives.ReadUInt16LittleEndian(facts[ModeOffset..]) & TypeBits) == Link;
    }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="IOException">It is none, or cannot be opened.</exception>
    public static FileStream OpenRead(string path)
    {
        RequireReadable(path);
        return File.OpenRead(path);
    }

    /// <summary>All of a file's text.</summary>
    /// <exception cref="IOException">It is none, or cannot be read.</exception>
    public static string ReadText(string path)
    {
        RequireReadable(path);
        return File.ReadAllText(path);
    }

    /// <summary>Refuses what <see cref="WhyNot"/> tells of, and what is not there.</summary>
    /// <exception cref="FileNotFoundException">It is not there, or a link that leads nowhere.</exception>
    /// <exception cref="IOException">It is no file.</exception>
    private static void RequireReadable(string path)
    {
        Require(path);
        if (!Path.Exists(path))
            throw new FileNotFoundException($"{path}: there is no such file", path);
    }

    /// <summary>Refuses what <see cref="WhyNot"/> tells of.</summary>
    /// <exception cref="FileNotFoundException">It is a link that leads nowhere.</exception>
    /// <exception cref="IOException">It is no file for another reason.</exception>
    public static void Require(string path)
    {
        if (WhyNot(path) is not { } why)
            return;
        var sentence = $"{path}: {why.TrimEnd('.')}";
        throw why == Dangling ? new FileNotFoundException(sentence, path) { HResult = Refused } : new IOException(sentence, Refused);
    }

    /// <summary>
    /// The file to write where a path is to be replaced: that to which a link leads. A rename would put a file where a link or a device
    /// was, and the system would go without <c>/dev/stdout</c>.
    /// </summary>
    /// <exception cref="IOException">The path means something in whose place no file may be put.</exception>
    public static string Replaceable(string path)
    {
        var link = new FileInfo(path).LinkTarget;
        if (WhyNot(path) is { } why && why != Dangling || link?.StartsWith("/proc/", StringComparison.Ordinal) == true)
            throw new IOException(
                $"{path} is a pipe, a device or a link that leads back to itself, in whose place no file is put; name a file", Refused);
        return link is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint mask, ref byte facts);
}
