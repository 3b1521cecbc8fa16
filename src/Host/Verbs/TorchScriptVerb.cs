using System.CommandLine;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary>
/// <c>torchscript FILE H W</c>, which help does not show: loads a network and shows it a slice, in a process of its own, because libtorch ends the process
/// where it cannot compile one. See <see cref="NetworkTrial"/>.
/// </summary>
internal sealed class TorchScriptVerb : Verb
{
    /// <summary>The verb.</summary>
    public new const string Name = "torchscript";

    private readonly Argument<string> _file;
    private readonly Argument<int> _height, _width;

    public TorchScriptVerb()
        : base(Name, "Tries a TorchScript network on a slice")
    {
        Hidden = true;
        _file = With(new Argument<string>("FILE") { Description = "The network" });
        _height = With(new Argument<int>("H") { Description = "Rows of the slice" });
        _width = With(new Argument<int>("W") { Description = "Columns of the slice" });
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        PerceptualLoss.Try(parse.GetRequiredValue(_file), parse.GetRequiredValue(_height), parse.GetRequiredValue(_width));
        return ExitCode.Done;
    }
}
