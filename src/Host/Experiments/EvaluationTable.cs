using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Evaluation;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Experiments;

/// <summary>An evaluation for people.</summary>
internal static class EvaluationTable
{
    public static IRenderable Of(EvaluationResult result)
    {
        var table = Output.Table("measure", "value");
        table.AddRow("loss", Number(result.Loss));
        table.AddRow("loss of a network that returns zero", Number(result.NullLoss));
        foreach (var estimate in result.Estimates)
            table.AddRow(Markup.Escape($"{estimate.Metric} of the one-step estimate from t = {estimate.Timestep:G4}"), Number(estimate.Value));
        return table;
    }

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
