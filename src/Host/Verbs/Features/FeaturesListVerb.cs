using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Tensors.Features;

namespace VoxelZoo.Host.Verbs.Features;

/// <summary><c>features list</c>: the networks of which features can be exported.</summary>
internal sealed class FeaturesListVerb : Verb
{
    private const string Sets = "fid, kid, cmmd, memorisation";

    public FeaturesListVerb()
        : base(
            "list", "Lists the networks whose features metrics compare, where their weights are from and what is done to a slice first") =>
        With(CommonOptions.Json);

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        Output.Write(parse, () => new JsonArray([.. FeatureNetworkKind.All.Select(Json)]), Table);
        return ExitCode.Done;
    }

    private static JsonNode Json(FeatureNetworkKind kind) => new JsonObject
    {
        ["id"] = kind.Id,
        ["weights"] = kind.Weights,
        ["dimensions"] = kind.Dimensions,
        ["maps"] = kind.HasMaps,
        ["preprocessing"] = kind.Preprocessing,
        ["preprocessing_sha256"] = kind.PreprocessingSha256,
    };

    private static Table Table()
    {
        var table = Output.Table("id", "dimensions", "for", "weights", "preprocessing");
        foreach (var kind in FeatureNetworkKind.All)
            table.AddRow(
                kind.Id, kind.Dimensions.ToString(CultureInfo.InvariantCulture), kind.HasMaps ? $"{Sets}, lpips, perceptual loss" : Sets,
                Markup.Escape(kind.Weights), Markup.Escape(kind.Preprocessing));
        return table;
    }
}
