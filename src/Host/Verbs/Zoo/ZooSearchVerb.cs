using System.CommandLine;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo search WORD…</c>: the animals of whose cards all words are.</summary>
internal sealed class ZooSearchVerb : Verb
{
    private readonly Argument<string[]> _words;

    public ZooSearchVerb()
        : base("search", "Lists the animals whose id, summary, network, images or use hold all of some words")
    {
        _words = With(new Argument<string[]>("WORD") { Description = "A word, or a part of one", Arity = ArgumentArity.OneOrMore });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var words = parse.GetRequiredValue(_words);
        ZooListVerb.Write(
            parse,
            [
                .. ZooListVerb.Animals().Select(animal => animal.Card)
                    .Where(card => words.All(word => Text(card).Contains(word, StringComparison.OrdinalIgnoreCase))),
            ]);
        return ExitCode.Done;
    }

    private static string Text(Card card) => string.Join(
        '\n',
        [
            card.Id, card.Summary, card.Network.Part, card.Network.Component, card.Training.Data, card.Use.Intended, .. card.Volumes.Target,
            .. card.Volumes.Condition, .. card.Plugins.Keys,
        ]);
}
