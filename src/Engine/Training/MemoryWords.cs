namespace VoxelZoo.Engine.Training;

/// <summary>Tells from what the runtime and libraries throw that memory ran out.</summary>
public static class MemoryWords
{
    private static readonly string[] Words =
        ["std::bad_alloc", "can't allocate memory", "Cannot allocate memory", "not enough memory", "failed to map segment"];

    /// <summary>The exception, or one that caused it, that says that the machine's memory ran out; null where none does.</summary>
    public static Exception? Find(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is OutOfMemoryException || Words.Any(word => cause.Message.Contains(word, StringComparison.Ordinal)))
                return cause;
        }

        return null;
    }

    /// <summary>Whether memory ran out, the machine's or a GPU's.</summary>
    public static bool IsShortage(Exception error) =>
        Find(error) is not null || error.ToString().Contains("out of memory", StringComparison.Ordinal);
}
