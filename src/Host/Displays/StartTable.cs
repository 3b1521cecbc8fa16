using Spectre.Console;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>
/// What training took over of other weights, for people: a row for each thing that became of tensors. provenance.json names all of them.
/// </summary>
internal static class StartTable
{
    private const int Named = 4;

    public static Table Of(StartRecord start)
    {
        var table = Output.Table("module", "tensors", "became", "which");
        foreach (var (name, module) in start.Modules)
        {
            Row(name, module.Taken, "taken", FormattableString.Invariant($"{module.TakenNumbers:N0} of {module.Numbers:N0} numbers"));
            Row(name, module.Widened.Count, "widened; new channels start at zero", Names(module.Widened));
            Row(name, module.Fresh.Count, "fresh", Names(module.Fresh));
            Row(name, module.Left.Count, "not taken", Names(module.Left));
        }

        return table;

        void Row(string module, int count, string became, string which)
        {
            if (count > 0)
                table.AddRow(
                    Output.Text(module), Output.Text(FormattableString.Invariant($"{count:N0}")), Output.Text(became), Output.Text(which));
        }
    }

    private static string Names(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(Named)) + (names.Count > Named ? $" and {names.Count - Named} more" : "");
}
