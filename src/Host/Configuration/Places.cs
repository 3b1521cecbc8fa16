namespace VoxelZoo.Host.Configuration;

/// <summary>Paths for people.</summary>
internal static class Places
{
    /// <summary>A path for people: relative to the working directory where it is below it, whole otherwise.</summary>
    public static string Shown(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative == ".." || relative.StartsWith("../", StringComparison.Ordinal) ? Path.GetFullPath(path) : relative;
    }

    /// <summary>
    /// A sentence for people, with every path in it as <see cref="Shown"/> would show it. Those who write sentences below the host do not
    /// know from where they are read.
    /// </summary>
    public static string Shorten(string sentence) => Shorten(sentence, Environment.CurrentDirectory);

    internal static string Shorten(string sentence, string folder)
    {
        if (folder.Length < 2)
            return sentence; // everything is below the root
        var inside = folder + Path.DirectorySeparatorChar;
        var text = new System.Text.StringBuilder();
        for (var at = 0; ; )
        {
            var next = sentence.IndexOf(inside, at, StringComparison.Ordinal);
            if (next < 0)
                return text.Append(sentence, at, sentence.Length - at).ToString();
            text.Append(sentence, at, next - at);
            at = next + inside.Length;
            // within a longer path, or alone, it stays
            if (next > 0 && (char.IsLetterOrDigit(sentence[next - 1]) || sentence[next - 1] is '.' or '-' or '_' or '/')
                || at == sentence.Length || char.IsWhiteSpace(sentence[at]) || sentence[at] is '\'' or ':' or ';' or ',')
                text.Append(inside);
        }
    }
}
