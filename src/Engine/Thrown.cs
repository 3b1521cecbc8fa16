using System.Reflection;

namespace VoxelZoo.Engine;

/// <summary>What exceptions say, for people.</summary>
public static class Thrown
{
    /// <summary>The first line of a message; torch's go on with native frames.</summary>
    public static string FirstLine(Exception e)
    {
        // an ArgumentException appends the name of a parameter, which is none of the reader's
        var message = e is ArgumentException { ParamName: { } parameter }
            ? e.Message.Replace($" (Parameter '{parameter}')", "")
            : e.Message;
        return message.Split('\n', 2, StringSplitOptions.TrimEntries)[0] is { Length: > 0 } line ? line : e.GetType().Name;
    }

    /// <summary>The first line of what was thrown at first; reflection and static constructors wrap it.</summary>
    public static string Cause(Exception e)
    {
        while (e is TargetInvocationException or TypeInitializationException && e.InnerException is { } inner)
            e = inner;
        return FirstLine(e);
    }
}
