namespace VoxelZoo.Engine.Data;

/// <summary>The kinds of image that a patient's folder may hold, each as <c>KIND.nii.gz</c>.</summary>
public static class ImageKinds
{
    /// <summary>T1-weighted inversion-recovery gradient echo after contrast agent.</summary>
    public const string Bravo = "bravo";

    /// <summary>Fluid-attenuated inversion recovery.</summary>
    public const string Flair = "flair";

    /// <summary>T1-weighted spin echo before contrast agent.</summary>
    public const string T1Pre = "t1_pre";

    /// <summary>T1-weighted spin echo after contrast agent.</summary>
    public const string T1Gd = "t1_gd";

    /// <summary>Binary mask of the metastases.</summary>
    public const string Seg = "seg";

    /// <summary>All kinds.</summary>
    public static IReadOnlyList<string> All { get; } = [Bravo, Flair, T1Pre, T1Gd, Seg];
}
