using System.Runtime.InteropServices;

namespace VoxelZoo.Engine.Files;

/// <summary>
/// Says of what cannot be written which file or folder it is, why not, and what to do. The system's own words name a file that is there for
/// a moment only, and no remedy.
/// </summary>
internal static class Unwritten
{
    // as .NET hands the system's numbers on: EACCES and EPERM come as an exception of another type
    private const int Gone = 2, InputOutput = 5, TooLarge = 27, NoSpace = 28, ReadOnly = 30, NotEmpty = 39, Quota = 122;

    /// <summary>Does what writes a file or a folder.</summary>
    /// <param name="path">What it is known by.</param>
    /// <param name="write">Writes it.</param>
    /// <param name="temporary">The name under which it is written at first, or null.</param>
    /// <exception cref="UnwrittenException">It cannot be written.</exception>
    public static void Named(string path, Action write, string? temporary = null) => Named<object?>(
        path,
        () =>
        {
            write();
            return null;
        },
        temporary);

    /// <inheritdoc cref="Named(string, Action, string?)"/>
    public static T Named<T>(string path, Func<T> write, string? temporary = null)
    {
        try
        {
            return write();
        }
        catch (UnwrittenException e) when (temporary is not null && e.Path.StartsWith(temporary, StringComparison.Ordinal))
        {
            throw new UnwrittenException(path + e.Path[temporary.Length..], e.InnerException!);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not UnwrittenException)
        {
            throw new UnwrittenException(path, e);
        }
    }

    /// <summary>Why something could not be written, without its name.</summary>
    public static string Why(Exception e) => e switch
    {
        UnwrittenException { InnerException: { } inner } => Why(inner),
        UnauthorizedAccessException => "this user may not write there",
        DirectoryNotFoundException => "its folder is not there any more",
        { HResult: NoSpace } => "there is no room left on the disk",
        { HResult: Quota } => "the user's quota of the disk is used up",
        { HResult: ReadOnly } => "the file system is read-only",
        { HResult: TooLarge } => "the file would be larger than the system allows",
        { HResult: NotEmpty } => "something was put there meanwhile",
        { HResult: InputOutput } => "the disk reports an error",
        { HResult: > Gone and < 4096 } => Marshal.GetPInvokeErrorMessage(e.HResult),
        _ => e.Message,
    };

    /// <summary>Whether nothing could ever be written there.</summary>
    public static bool IsRefusal(Exception e) => e switch
    {
        UnwrittenException { InnerException: { } inner } => IsRefusal(inner),
        UnauthorizedAccessException or DirectoryNotFoundException or { HResult: ReadOnly or NotEmpty } => true,
        _ => false,
    };

    /// <summary>What to do about it.</summary>
    public static string Remedy(Exception e) => e switch
    {
        UnauthorizedAccessException or { HResult: ReadOnly } => "make the folder writable, or write into another one",
        DirectoryNotFoundException => "see what removes it, and do the same again",
        { HResult: NotEmpty } => "name another folder, or remove that one first",
        { HResult: NoSpace or Quota } => "make room, and do the same again",
        { HResult: TooLarge } => "raise the limit (ulimit -f), and do the same again",
        _ => "see to the disk, and do the same again",
    };
}

/// <summary>A file or a folder cannot be written.</summary>
/// <param name="path">It.</param>
/// <param name="cause">What the system says.</param>
public sealed class UnwrittenException(string path, Exception cause)
    : IOException($"{path} cannot be written: {Unwritten.Why(cause)}; {Unwritten.Remedy(cause)}", cause)
{
    /// <summary>What cannot be written.</summary>
    public string Path => path;

    /// <summary>
    /// Whether the place takes nothing at all, which is a matter of what was asked for, as opposed to what went wrong,
    /// such as a disk that became full.
    /// </summary>
    public bool IsRefusal => Unwritten.IsRefusal(InnerException!);
}
