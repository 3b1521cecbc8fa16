using System.CommandLine;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary>
/// <c>torchscript FILE [H W]</c>: loads a network, and shows it a slice where its sizes are given, in a process of its own, because
/// libtorch ends the process where it cannot compile one. See <see cref="NetworkTrial"/>.
/// </summary>
internal sealed class TorchScriptVerb : Verb
{
    /// <summary>The verb.</summary>
    public new const string Name = "torchscript";

    private readonly Argument<string> _file;
    private readonly Argument<int[]> _slice;

    public TorchScriptVerb()
        : base(Name, "Tries a TorchScript network on a slice")
    {
        _file = With(new Argument<string>("FILE") { Description = "The network" });
        _slice = With(new Argument<int[]>("H W")
        {
            Description = "Rows and columns of the slice; none to load it and no more",
            Arity = new ArgumentArity(0, 2),
        });
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        if (parse.GetValue(_slice) is [var height, var width])
            PerceptualLoss.Try(parse.GetRequiredValue(_file), height, width);
        else
            PerceptualLoss.Try(parse.GetRequiredValue(_file));
        return ExitCode.Done;
    }
}
