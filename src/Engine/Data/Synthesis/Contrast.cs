namespace VoxelZoo.Engine.Data.Synthesis;

/// <summary>How bright each tissue is in one kind of image, as a part of the brightness that white matter has in bravo.</summary>
/// <param name="Kind">The kind of image.</param>
/// <param name="Csf">Cerebrospinal fluid.</param>
/// <param name="Grey">Grey matter.</param>
/// <param name="White">White matter.</param>
/// <param name="Tumour">The rim of a metastasis, which takes up contrast agent.</param>
/// <param name="Core">The core of a large metastasis, which is dead tissue.</param>
/// <param name="Oedema">White matter with oedema.</param>
/// <param name="Units">Stored intensity of brightness 1.</param>
internal sealed record Contrast(string Kind, float Csf, float Grey, float White, float Tumour, float Core, float Oedema, float Units)
{
    /// <summary>
    /// The kinds that are made. In FLAIR the order of the tissues is another than in T1, and tumours stand out by their oedema.
    /// </summary>
    public static IReadOnlyList<Contrast> All { get; } =
    [
        new(ImageKinds.Bravo, 0.25f, 0.62f, 1.00f, 1.50f, 0.40f, 0.80f, 2500),
        new(ImageKinds.Flair, 0.12f, 0.85f, 0.70f, 1.05f, 0.55f, 1.35f, 600),
        new(ImageKinds.T1Pre, 0.35f, 0.72f, 0.92f, 0.68f, 0.45f, 0.78f, 700),
        new(ImageKinds.T1Gd, 0.38f, 0.76f, 0.95f, 1.60f, 0.45f, 0.80f, 800),
    ];

    /// <summary>Brightness of a voxel of the source head, linear between the levels of its tissues there.</summary>
    public float Of(float source) => source switch
    {
        <= SourceHead.Csf => Csf * source / SourceHead.Csf,
        <= SourceHead.Grey => Between(source, SourceHead.Csf, Csf, SourceHead.Grey, Grey),
        _ => Between(Math.Min(source, SourceHead.Brightest), SourceHead.Grey, Grey, SourceHead.White, White),
    };

    private static float Between(float x, float x0, float y0, float x1, float y1) => y0 + (x - x0) / (x1 - x0) * (y1 - y0);
}
