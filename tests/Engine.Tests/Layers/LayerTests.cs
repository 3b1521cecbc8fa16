namespace VoxelZoo.Engine.Tests.Layers;

/// <summary>Engine's folders are layers: each knows what is below it, and nothing of what is above or beside it.</summary>
public sealed class LayerTests
{
    /// <summary>
    /// From below. A plan is made before there is a run of it, and knows none; a run records of its plan what it was made with, and refuses
    /// another: so runs are above plans. Latents are below what diffuses them. The twins, diffusion and compression, do not know each
    /// other: only what reports on both does.
    /// </summary>
    private static readonly string[][] FromBelow =
    [
        [""], // words, not experiments: Spelling
        ["Files"],
        ["Nifti", "Distributed"],
        ["Distributed.Mpi", "Data", "Dicom"],
        ["Data.Synthesis", "Data.Import", "Data.MaskMeasures", "Pictures"],
        ["Plans"],
        ["Runs.Checkpoints", "Runs.Events"],
        ["Runs"],
        ["Training"],
        ["Compression", "Diffusion.Latents"],
        ["Diffusion"],
        ["Diffusion.Sampling"],
        ["Diffusion.Rejection"],
        ["Diffusion.Evaluation"],
        ["Diffusion.Sweeps", "Diffusion.Patients"],
        ["Reports"],
        ["Reports.OneRun", "Reports.ManyRuns"],
        ["Zoo"],
        ["Experiments"],
    ];

    private static readonly Dictionary<string, int> Heights =
        FromBelow.SelectMany((row, height) => row.Select(folder => (folder, height)))
            .ToDictionary(place => place.folder, place => place.height);

    private static IEnumerable<Type> Engine => typeof(Spelling).Assembly.GetTypes();

    [Fact]
    public void Folders_that_code_is_in_have_their_place_among_the_layers() =>
        Assert.Subset(Heights.Keys.ToHashSet(), Engine.Select(type => TypeReferences.Folder(type)).OfType<string>().ToHashSet());

    [Fact]
    public void Compiled_types_know_only_the_layers_below_their_own() => RefuseAny(
        from type in Engine
        let home = TypeReferences.Folder(type)
        where home is not null
        from known in TypeReferences.Of(type)
        where RunsUp(home, TypeReferences.Folder(known.Type))
        select $"{home} knows {TypeReferences.Folder(known.Type)}: {type.FullName}.{known.Member} refers to {known.Type.Name}");

    /// <summary>
    /// Constants and links of the documentation leave no trace in compiled code; what they need is among the using directives.
    /// </summary>
    [Fact]
    public void Using_directives_name_only_the_layers_below_their_file() => RefuseAny(
        from file in SourceFile.All()
        from used in file.Usings
        where RunsUp(file.Folder, used)
        select $"{file.Folder} knows {used}: {file.Name}");

    [Theory]
    [InlineData("Runs", "Training", true)]
    [InlineData("Training", "Runs", false)]
    [InlineData("Compression", "Diffusion.Latents", true)]
    [InlineData("Diffusion", "Compression", true)]
    [InlineData("Reports.OneRun", "Compression", false)]
    [InlineData("Plans", "Plans", false)]
    public void Arrows_run_up_where_they_lead_to_what_is_above_or_beside(string home, string known, bool up) =>
        Assert.Equal(up, RunsUp(home, known));

    private static void RefuseAny(IEnumerable<string> arrows) =>
        Assert.True(!arrows.Any(), "arrows run up:\n" + string.Join('\n', arrows.Distinct().Order(StringComparer.Ordinal)));

    private static bool RunsUp(string home, string? known) =>
        known is not null && known != home && (Heights[known] >= Heights[home] || AreTwins(home, known));

    private static bool AreTwins(string home, string known) =>
        (Root(home), Root(known)) is ("Diffusion", "Compression") or ("Compression", "Diffusion");

    private static string Root(string folder) => folder.Split('.')[0];
}
