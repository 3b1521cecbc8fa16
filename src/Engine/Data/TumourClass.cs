namespace VoxelZoo.Engine.Data;

/// <summary>Classes of tumours by their 3-D Feret diameter, as RANO-BM has them.</summary>
public enum TumourClass
{
    /// <summary>Below 10 mm.</summary>
    Tiny,

    /// <summary>From 10 mm.</summary>
    Small,

    /// <summary>From 20 mm.</summary>
    Medium,

    /// <summary>From 30 mm.</summary>
    Large,
}

/// <summary>Which class a tumour is of.</summary>
public static class TumourClasses
{
    /// <summary>The class of a diameter in mm.</summary>
    public static TumourClass Of(double diameter) => diameter switch
    {
        < 10 => TumourClass.Tiny,
        < 20 => TumourClass.Small,
        < 30 => TumourClass.Medium,
        _ => TumourClass.Large,
    };
}
