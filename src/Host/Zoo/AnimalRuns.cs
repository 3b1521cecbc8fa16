using System.CommandLine;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Zoo;

/// <summary>
/// The runs that names stand for. An animal is unpacked into <c>runs/zoo/FAMILY/NAME</c> when it is named first: so whatever is done with a
/// run can be done with it, and it stays as it is.
/// </summary>
internal static class AnimalRuns
{
    /// <summary>Opens a run's folder, or the run of the animal that is named.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="name">The folder or the animal.</param>
    /// <param name="sets">Values over its experiment: what they make of it is looked at before an animal is unpacked.</param>
    /// <param name="check">Refuses that experiment of an animal; null where nothing more is to be refused.</param>
    /// <exception cref="RunFolderException">There is neither, or the animal is not what its card says.</exception>
    public static RunFolder Open(Session session, string name, Assignment[]? sets = null, Action<Experiment>? check = null) =>
        Find(session, name, sets is null ? null : animal => Check(session, animal, sets, check))
        ?? (name.StartsWith(ZooFolder.Prefix, StringComparison.Ordinal) && !Directory.Exists(name)
            ? throw ZooFolder.Unknown(name)
            : RunFolder.Open(name));

    /// <summary>Refuses an animal where its own conditions are not enough and the command line names no cohort.</summary>
    public static Action<Experiment> CheckCohort(ParseResult parse) => animal =>
    {
        if (parse.GetValue(CommonOptions.Cohort) is null)
            animal.CheckAnimal(evaluates: true);
    };

    /// <summary>The run of the animal that is named, or null where none is.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="name">The name.</param>
    /// <param name="check">Called before it is unpacked.</param>
    /// <exception cref="RunFolderException">The animal is not what its card says, or is of other plugins.</exception>
    public static RunFolder? Find(Session session, string name, Action<Animal>? check = null)
    {
        if (ZooFolder.Find(name) is not { } folder)
            return null;
        var animal = CardYaml.Read(folder);
        animal.Require();
        AnimalPlugins.Require(animal, session.Registry.Catalogue);
        var collective = session.Context.Collective;
        return RunFolder.Open(collective.FromFirst(() => PlaceOf(animal, session.Context.Observer, check).Path));
    }

    /// <summary>The run that an animal was unpacked into, or is now.</summary>
    private static RunFolder PlaceOf(Animal animal, ExperimentObserver observer, Action<Animal>? check)
    {
        foreach (var place in RunFolders.Names(ZooFolder.Prefix + animal.Card.Id))
        {
            if (!Path.Exists(place))
            {
                check?.Invoke(animal);
                return Unpack(animal, place, observer);
            }

            // another version of the animal may have been unpacked there, and sampled from
            var card = Path.Combine(place, Animal.CardName);
            if (File.Exists(card) && RegularFile.ReadText(card) == RegularFile.ReadText(Path.Combine(animal.Folder, Animal.CardName)))
                return RunFolder.Open(place);
        }

        throw new InvalidOperationException("there is always a next name");
    }

    /// <summary>Refuses what would be refused of the run: what is refused leaves none.</summary>
    private static void Check(Session session, Animal animal, Assignment[] sets, Action<Experiment>? check)
    {
        var file = ExperimentLoader.Read(Path.Combine(animal.Folder, Animal.ExperimentName), sets);
        if (!file.Locate("data.cohort").IsOption && file["data"] is MapNode data)
            file = CohortPlaces.At(file.With("data", data.Without("synthesize")), Path.Combine(animal.Folder, Animal.ConditionsName));
        if (file["training"] is MapNode training)
            file = file.With("training", training.Without("generation"));
        var experiment = ExperimentLoader.Load(session, file, null);
        check?.Invoke(experiment);
    }

    private static RunFolder Unpack(Animal animal, string place, ExperimentObserver observer)
    {
        var run = Unpack(animal, place);
        observer.Told($"unpacked {ZooFolder.Prefix}{animal.Card.Id} into {Places.Shown(run.Path)}");
        return run;
    }

    /// <summary>Unpacks an animal into a run, with the place of its conditions.</summary>
    public static RunFolder Unpack(Animal animal, string place)
    {
        var file = ExperimentLoader.Read(Path.Combine(animal.Folder, Animal.ExperimentName));
        var conditions = Path.Combine(Path.GetFullPath(place), Animal.ConditionsName);
        var isMade = file["data"]?["synthesize"] is { IsNull: false }; // then a run's cohort lies in its folder anyway
        return animal.Unpack(place, YamlWriter.Write(isMade ? file : CohortPlaces.At(file, conditions)));
    }
}
