using System.CommandLine;
using System.CommandLine.Parsing;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Options that take one of a few names.</summary>
internal static class Choices
{
    /// <summary>Refuses any other name while the command line is read, with the nearest of <paramref name="names"/>.</summary>
    public static TOption Among<TOption>(this TOption option, params IReadOnlyList<string> names)
        where TOption : Option
    {
        option.CompletionSources.Add(_ => names.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        option.Validators.Add(Refuse);
        return option;

        void Refuse(OptionResult result)
        {
            foreach (var word in result.Tokens.Select(token => token.Value).Where(word => !names.Contains(word)))
                result.AddError($"`{option.Name}` is `{word}`; name one of {string.Join(", ", names)}{Spelling.Suggestion(word, names)}");
        }
    }
}
