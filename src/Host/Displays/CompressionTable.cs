using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>The training of a compressor, and what came of it, for people.</summary>
internal static class CompressionTable
{
    public static IRenderable Of(CompressionDescription d)
    {
        List<(string, string)> facts =
        [
            ("experiment", $"{d.Id}: {d.Title}"),
            ("compressor", d.Compressor),
            ("target", d.Target),
            (
                "input",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{DescriptionTable.Shape(d.InputShape)}, compressed to {DescriptionTable.Shape(d.LatentShape)}, "
                    + $"{d.Factor:G4} times fewer numbers")),
            (
                "parameters",
                DescriptionTable.Number(d.Parameters.Compressor)
                + (d.DiscriminatorParameters > 0 ? $", discriminator {DescriptionTable.Number(d.DiscriminatorParameters)}" : "")),
            ("memory", d.Memory.Describe()),
            ("training", DescriptionTable.Training(d.Training)),
        ];
        if (!d.CropShape.SequenceEqual(d.InputShape))
            facts.Add(("crop", DescriptionTable.Shape(d.CropShape)));
        facts.AddRange(d.Phases.Select((phase, i) => ($"phase {i + 1}", phase.Describe())));
        return Output.Facts(facts);
    }
}
