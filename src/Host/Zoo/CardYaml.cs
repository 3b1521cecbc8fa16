using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Zoo;

/// <summary>Reads and writes <c>card.yaml</c>.</summary>
internal static class CardYaml
{
    /// <summary>How a card is JSON: what it only computes is no field of it.</summary>
    public static JsonSerializerOptions Json { get; } = new(AtomicFile.Json) { IgnoreReadOnlyProperties = true };

    /// <summary>An animal with its card; whether its files are what the card says is not looked at.</summary>
    /// <param name="folder">The animal's folder.</param>
    /// <exception cref="Engine.Runs.RunFolderException">It has no card.</exception>
    /// <exception cref="ConfigurationException">The card lacks a field, or has one that is none.</exception>
    public static Animal Read(string folder)
    {
        var card = Path.Combine(folder, Animal.CardName);
        if (!File.Exists(card))
            throw ZooFolder.Unknown(folder);
        return new Animal(folder, Binder.Bind<Card>(YamlReader.ReadFile(card)));
    }

    /// <summary>The card as YAML.</summary>
    public static string Text(Card card) => YamlWriter.Write(YamlReader.Parse(JsonSerializer.Serialize(card, Json), card.Id));
}
