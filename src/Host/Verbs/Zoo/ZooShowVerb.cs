using System.CommandLine;
using System.Text.Json;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Zoo;

/// <summary><c>zoo show ID</c>: an animal's card.</summary>
internal sealed class ZooShowVerb : Verb
{
    private readonly Argument<string> _animal;

    public ZooShowVerb()
        : base("show", "Prints an animal's card: what it makes, what it was trained on, what may be done with it")
    {
        _animal = With(ZooArguments.Animal());
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var animal = CardYaml.Read(ZooFolder.Require(parse.GetRequiredValue(_animal)));
        if (parse.GetValue(CommonOptions.Json))
        {
            var card = JsonSerializer.SerializeToNode(animal.Card, CardYaml.Json)!;
            card["path"] = animal.Folder;
            Output.Write(card);
        }
        else
            Output.Line(CardReadme.Of(animal.Card).TrimEnd());
        return ExitCode.Done;
    }
}
