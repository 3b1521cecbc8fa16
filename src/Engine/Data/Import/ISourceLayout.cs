namespace VoxelZoo.Engine.Data.Import;

/// <summary>A way in which data sets are laid out: what it takes for which image of whom, by names alone.</summary>
internal interface ISourceLayout
{
    /// <summary>What it is called on the command line.</summary>
    string Name { get; }

    /// <summary>What of a tree looks like it, for people, or null where nothing does.</summary>
    string? Sign(SourceTree tree);

    /// <summary>What it takes for what.</summary>
    /// <param name="tree">The source.</param>
    /// <param name="map">What the user calls some files, which are images then whatever they look like.</param>
    /// <param name="passed">Is given each image that is not taken, with a reason.</param>
    IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed);

    /// <summary>What the user should know of what is taken, a sentence each.</summary>
    IEnumerable<string> Told(SourceTree tree, IReadOnlyList<TakenImage> taken) => [];

    /// <summary>Folders that stand for a visit or a patient, whether or not images are in them.</summary>
    IEnumerable<string> Visits(SourceTree tree);
}
