using System.CommandLine;
using System.CommandLine.Parsing;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Options that take one of a few names.</summary>
internal static class Choices
{
    /// <summary>Refuses any other name while the command line is read, with the nearest of <paramref name="names"/>.</summary>
    public static TOption Among<TOption>(this TOption option, params IReadOnlyList<string> names)
        where TOption : Option => option.AmongOr(_ => false, null, names);

    /// <summary>Refuses what is neither one of some names nor of a form.</summary>
    /// <param name="option">The option.</param>
    /// <param name="isOther">Whether a word is of the form.</param>
    /// <param name="form">What the form looks like, for people; null where there is none.</param>
    /// <param name="names">The names.</param>
    public static TOption AmongOr<TOption>(
        this TOption option, Func<string, bool> isOther, string? form, params IReadOnlyList<string> names)
        where TOption : Option
    {
        option.CompletionSources.Add(_ => names.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        option.Validators.Add(Refuse);
        return option;

        void Refuse(OptionResult result)
        {
            foreach (var word in result.Tokens.Select(token => token.Value).Where(word => !names.Contains(word) && !isOther(word)))
                result.AddError(
                    $"`{option.Name}` is `{word}`; name one of {string.Join(", ", form is null ? names : [.. names, form])}"
                    + $"{(word.Contains(',') ? Apart(word) : Spelling.Suggestion(word, names))}");
        }

        // several with commas between them
        string Apart(string word)
        {
            string[] meant =
            [
                .. word.Split(',', StringSplitOptions.TrimEntries).Select(one => Spelling.Nearest(one, names)).OfType<string>().Distinct(),
            ];
            if (option.Arity.MaximumNumberOfValues == 1)
                return meant.Length > 0 ? $"; did you mean `{meant[0]}`?" : "";
            string[] example = meant.Length > 0 ? meant : [.. names.Take(2)];
            return ", each by itself, "
                + $"as in `{option.Name} {string.Join(option.AllowMultipleArgumentsPerToken ? " " : $" {option.Name} ", example)}`";
        }
    }
}
