using System.Text.RegularExpressions;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Zoo;

/// <summary>Trained weights that ship, with all that is needed to use them: a folder <c>FAMILY/NAME</c> of a zoo.</summary>
/// <param name="folder">The folder.</param>
/// <param name="card">What its <c>card.yaml</c> says.</param>
public sealed partial class Animal(string folder, Card card)
{
    /// <summary>Name of the card.</summary>
    public const string CardName = "card.yaml";

    /// <summary>Name of what is made of the card for people.</summary>
    public const string ReadmeName = "README.md";

    /// <summary>Name of the experiment that made it.</summary>
    public const string ExperimentName = "experiment.yaml";

    /// <summary>Folder of what it is sampled from: a cohort of the conditions alone.</summary>
    public const string ConditionsName = "cohort";

    /// <summary>Name of the picture of its trial, where there is one.</summary>
    public const string PictureName = "sample.png";

    /// <summary>Name of the curve of its losses.</summary>
    public const string CurveName = "loss.svg";

    /// <summary>The folder's full path.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>What is known of it.</summary>
    public Card Card => card;

    /// <summary>Files that a run has in its folder <c>frozen</c>: weights that it uses and did not train.</summary>
    private IEnumerable<string> Frozen =>
        new[] { FrozenParts.Compressor, FrozenParts.ConditionCompressor, FrozenParts.Denoiser, FrozenParts.Start }.Where(
            name => name != card.Network.Component && card.Files.ContainsKey(WeightsOf(name)));

    /// <summary>The file of a component's weights.</summary>
    public static string WeightsOf(string component) => $"{component}.safetensors";

    /// <summary>Whether a folder is an animal's, and not the run that one was unpacked into.</summary>
    public static bool IsOne(string folder) => File.Exists(Path.Combine(folder, CardName)) && !RunFolder.IsOfAnimal(folder);

    /// <summary>What of the folder is not as the card says, a sentence each; nothing where all is.</summary>
    public IEnumerable<string> Faults()
    {
        var named = $"{Path.GetFileName(Path.GetDirectoryName(Folder))}/{Path.GetFileName(Folder)}";
        if (named != card.Id)
            yield return $"the folder is {named} and its card is of {card.Id}; rename one of the two";
        foreach (var name in new[] { ExperimentName, WeightsOf(card.Network.Component) }.Where(name => !card.Files.ContainsKey(name)))
            yield return $"the card names no {name}, without which it is no animal";
        foreach (var (name, file) in card.Files)
        {
            if (FaultOf(name, file) is { } fault)
                yield return fault;
        }

        foreach (var other in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Folder, path)).Order(StringComparer.Ordinal))
        {
            if (other is not (CardName or ReadmeName) && !card.Files.ContainsKey(other))
                yield return $"{other} is there and the card does not name it; take it out";
        }

        if (!File.Exists(In(ReadmeName)) || RegularFile.ReadText(In(ReadmeName)) != CardReadme.Of(card))
            yield return $"{ReadmeName} is not what the card says; `zoo verify --write` makes it anew";
    }

    /// <summary>Refuses a folder that is not as its card says.</summary>
    /// <exception cref="RunFolderException">It is not; the message names the first fault.</exception>
    public void Require()
    {
        if (Faults().FirstOrDefault() is { } fault)
            throw new RunFolderException($"{Folder}: {fault}, or take the animal from where it came from");
    }

    private string? FaultOf(string name, CardFile file)
    {
        if (!PlainPath().IsMatch(name) || name.Split('/').Any(step => step is "." or ".."))
            return $"the card names a file {name}, which leads out of the folder";
        if (RegularFile.WhyNot(In(name)) is { } why)
            return $"{name}: {why.TrimEnd('.')}";
        if (!File.Exists(In(name)))
            return $"{name} is not there, which the card names";
        return FileFacts.Of(In(name)) == new FileFacts(file.Bytes, file.Sha256)
            ? null
            : $"{name} is not the file that the card describes: its SHA-256 is another one; restore it";
    }

    /// <summary>Unpacks it into a run, so that all that is done with runs can be done with it; a whole folder, or none.</summary>
    /// <param name="place">The run's folder, which is not there.</param>
    /// <param name="experiment">The run's experiment.</param>
    public RunFolder Unpack(string place, string experiment)
    {
        var temporary = $"{Path.GetFullPath(place)}.{Guid.NewGuid():N}.tmp";
        Unwritten.Named(place, () => Directory.CreateDirectory(temporary));
        try
        {
            var run = RunFolder.Join(temporary);
            ExperimentSeal.Write(run, experiment);
            foreach (var name in Frozen)
                new FrozenParts(run).Copy(name, card.Id, "", name, In(WeightsOf(name)));
            if (card.Files.ContainsKey(NormalizationFile.Name))
                Copy(NormalizationFile.Name, Path.Combine(run.Frozen, NormalizationFile.Name));
            foreach (var name in card.Files.Keys.Where(name => name.StartsWith($"{ConditionsName}/", StringComparison.Ordinal)))
                Copy(name, Path.Combine(run.Path, name));
            var position = new TrainingPosition
            {
                Step = card.Training.Steps,
                Epoch = card.Training.Epochs,
                TrainingSeconds = card.Training.Seconds,
            };
            string[] trained = [WeightsOf(card.Network.Component), WeightsOf(Component.Conditioning)];
            new CheckpointStore(run.Checkpoints).Adopt(
                [.. trained.Where(card.Files.ContainsKey).Select(In)],
                files => new CheckpointManifest
                {
                    Position = position,
                    Random = new Dictionary<string, byte[]>(),
                    Experiment = ExperimentSeal.HashOf(run),
                    Files = files,
                });
            var ended = DateTimeOffset.Parse($"{card.Training.Date}T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture);
            run.WriteStatus(new RunStatus
            {
                Status = RunState.Completed, Epoch = card.Training.Epochs, Epochs = card.Training.Epochs, Step = card.Training.Steps,
                Started = ended, Updated = ended, TrainingSeconds = card.Training.Seconds,
            });
            Copy(CardName, run.Card);
            Directory.Move(temporary, place);
        }
        catch (IOException) when (RunFolder.IsOfAnimal(place))
        {
            Directory.Delete(temporary, recursive: true); // another process was faster
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }

        return RunFolder.Open(place);
    }

    private void Copy(string name, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        using var from = RegularFile.OpenRead(In(name));
        AtomicFile.Write(to, from.CopyTo);
    }

    private string In(string name) => Path.Combine(Folder, name);

    [GeneratedRegex(@"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\z")]
    private static partial Regex PlainPath();
}
