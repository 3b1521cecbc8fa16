using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// As nnU-Net reads its data: <c>imagesTr/CASE_0000.nii.gz</c>, <c>labelsTr/CASE.nii.gz</c>, the channels' names in <c>dataset.json</c>;
/// <c>imagesTs</c> stays test.
/// </summary>
internal sealed partial class NnunetLayout : ISourceLayout
{
    private const string FileName = "dataset.json", Unnamed = "channel_";

    [GeneratedRegex(@"^(.+)_(\d{4})\z")]
    private static partial Regex Channel { get; }

    public string Name => "nnunet";

    public string? Sign(SourceTree tree) =>
        tree.Folders.Any(folder => folder.Split('/')[^1] == "imagesTr") ? "there is a folder imagesTr" : null;

    public IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed)
    {
        var names = Names(tree);
        string Named(string channel) => names.GetValueOrDefault(int.Parse(channel, CultureInfo.InvariantCulture)) ?? Unnamed + channel;
        foreach (var image in tree.Images)
        {
            var split = image.FolderName.EndsWith("Ts", StringComparison.Ordinal) ? Cohort.Test : null;
            TakenImage Taken(string patient, string kind, string pattern) =>
                new(patient, "", kind, image, map.PatternOf(image) ?? pattern) { Split = split };
            if (image.FolderName is "labelsTr" or "labelsTs")
                yield return Taken(image.Stem, map.KindOf(image) ?? ImageKinds.Seg, $"{image.FolderName}/*");
            else if (image.FolderName is not ("imagesTr" or "imagesTs"))
                passed(new LeftOut(image.Path, "is in none of imagesTr, imagesTs, labelsTr and labelsTs"));
            else if (Channel.Match(image.Stem) is { Success: true } match)
                yield return Taken(match.Groups[1].Value, map.KindOf(image) ?? Named(match.Groups[2].Value), $"*_{match.Groups[2].Value}");
            else
                passed(new LeftOut(image.Path, "does not end in the number of a channel, _0000"));
        }
    }

    public IEnumerable<string> Told(SourceTree tree, IReadOnlyList<TakenImage> taken)
    {
        if (FileEnding(tree) is { } ending && ending is not (".nii.gz" or ".nii"))
            yield return $"{FileName} says that files end in {ending} (file_ending), and those that end in .nii.gz and .nii are taken";
        string[] unnamed =
        [
            .. taken.Select(image => image.Kind).Distinct().Where(kind => kind.StartsWith(Unnamed, StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
        ];
        if (unnamed.Length == 0)
            yield break;
        var why = File(tree) is null ? $"there is no {FileName}" : $"{FileName} does not name {(unnamed.Length == 1 ? "it" : "them")}";
        yield return $"{string.Join(", ", unnamed)}: {why}; --map \"*_{unnamed[0][Unnamed.Length..]}=t1\" says what a channel is";
    }

    public IEnumerable<string> Visits(SourceTree tree) => [];

    private static string? File(SourceTree tree) =>
        tree.Others.FirstOrDefault(path => path.Split('/')[^1] == FileName) is { } file ? Path.Combine(tree.Root, file) : null;

    private static string? FileEnding(SourceTree tree) =>
        File(tree) is { } path && (JsonNode.Parse(RegularFile.ReadText(path)) as JsonObject)?["file_ending"] is JsonValue ending
            && ending.TryGetValue<string>(out var text)
            ? text
            : null;

    /// <summary>What <c>dataset.json</c> calls the channels: <c>channel_names</c>, or <c>modality</c> in the first version.</summary>
    private static Dictionary<int, string> Names(SourceTree tree)
    {
        if (File(tree) is not { } path)
            return [];
        try
        {
            if (JsonNode.Parse(RegularFile.ReadText(path)) is not JsonObject json)
                throw new InvalidDataException("it holds no object with names in braces");
            var key = json.ContainsKey("channel_names") ? "channel_names" : "modality";
            return (json[key] ?? new JsonObject()) is JsonObject channels
                ? channels.ToDictionary(one => ChannelOf(one.Key, key), one => NameOf(one, key))
                : throw new InvalidDataException($"`{key}` is no object such as {{\"0\": \"T1\"}}");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or ArgumentException
            or IOException or UnauthorizedAccessException)
        {
            var why = e is ArgumentException ? "a key is there twice" : JsonFault.Why(e).Split('\n')[0].TrimEnd('.');
            throw new PlanException($"{path} cannot be read, so that the channels have no names: {why}; correct it.");
        }
    }

    private static int ChannelOf(string text, string key) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new InvalidDataException($"`{key}` has the key `{text}`, where the number of a channel is expected");

    private static string NameOf(KeyValuePair<string, JsonNode?> channel, string key) =>
        channel.Value?.GetValueKind() == JsonValueKind.String
            ? KindNames.Of(channel.Value.GetValue<string>())
            : throw new InvalidDataException($"`{key}` has no name for the channel {channel.Key}");
}
