namespace VoxelZoo.Host.Configuration;

/// <summary>Where something was written: a place in a file, or an option of the command line.</summary>
/// <param name="Source">The file as it was named, or <c>--set a.b</c>.</param>
/// <param name="Line">Line from 1, or 0 where there are no lines.</param>
/// <param name="Column">Column from 1, or 0.</param>
internal sealed record Position(string Source, int Line = 0, int Column = 0)
{
    /// <summary>Whether it is an option of the command line.</summary>
    public bool IsOption => Source.StartsWith("--", StringComparison.Ordinal);

    /// <summary>Whether it is a <c>--set</c>.</summary>
    public bool IsSet => Source.StartsWith("--set ", StringComparison.Ordinal);

    /// <summary><c>experiment.yaml:12:5</c> or <c>--set training.epochs</c>.</summary>
    public override string ToString() => Line == 0 ? Source : $"{Source}:{Line}:{Column}";
}
