namespace VoxelZoo.Host.CommandLine;

/// <summary>How the program ends.</summary>
internal enum ExitCode
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>Failed while running.</summary>
    Failed = 1,

    /// <summary>Bad usage, configuration or input; nothing was touched.</summary>
    Refused = 2,

    /// <summary>Stopped by a signal with a checkpoint written.</summary>
    Stopped = 3,
}
