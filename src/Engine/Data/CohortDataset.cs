using System.Collections.Concurrent;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>The patients of one split that have all wanted images, prepared as the options say. Loading is thread-safe.</summary>
public sealed class CohortDataset : IBatchSource
{
    private readonly DataOptions _options;
    private readonly IReadOnlyList<string> _kinds;
    private readonly IReadOnlyList<CohortPatient> _patients;
    private readonly ConcurrentDictionary<string, PreparedVolume> _cache = new();
    private readonly ConcurrentDictionary<string, Tumours> _tumours = new();
    private readonly TumourUse _use;
    private readonly CohortSheet? _sheet;
    private long _free;

    /// <summary>
    /// Lists the patients of a split. With <see cref="DataOptions.PositiveOnly"/> the masks of the training split are read.
    /// </summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="split">One of <see cref="Cohort.AllSplits"/>.</param>
    /// <param name="options">Sizes and rules.</param>
    /// <param name="kinds">The images that each patient has to have, such as <c>bravo</c> and <c>seg</c>.</param>
    /// <param name="use">What batches hold of the tumours in their masks; by default nothing. Needs <c>seg</c> among the kinds.</param>
    /// <exception cref="PlanException">
    /// No patient has them or too many lack one, an image cannot be used, or the options contradict each other.
    /// </exception>
    public CohortDataset(Cohort cohort, string split, DataOptions options, IReadOnlyList<string> kinds, TumourUse? use = null)
    {
        options.Validate(kinds);
        (_options, _kinds, _use, _sheet) = (options, kinds, use ?? new TumourUse(), cohort.Sheet);
        if (options.Normalization == Normalization.Cohort && _sheet is null)
            throw new PlanException(
                $"normalization: cohort takes the intensities that cohort.json says, and '{cohort.Folder}' has none; "
                + "import the cohort with `data import`, or use per_volume.",
                "normalization");
        _free = (long)options.CacheMegabytes << 20;
        var all = cohort.Of(split);
        CohortPatient[] complete = [.. all.Where(patient => !kinds.Except(patient.Kinds).Any())];
        CohortCheck.RequireComplete(cohort, split, kinds, options);
        CohortCheck.Require(cohort, split, complete, kinds, options);
        if (options.PositiveOnly && split == Cohort.Train)
        {
            var ill = complete.Where(IsPositive).ToArray();
            cohort.Remember(complete.Except(ill).Select(patient => new CohortFinding(
                split, patient.Name, patient.Folder, "is left out: it has no tumour after resizing (data.positive_only).")));
            complete = ill;
        }

        _patients = complete;
        Patients = [.. _patients.Select(patient => patient.Name)];
        Skipped = [.. cohort.Listed(split).Select(patient => patient.Name).Except(Patients)];
        if (_patients.Count == 0)
        {
            var tumour = options.PositiveOnly && split == Cohort.Train ? " and a tumour" : "";
            throw new PlanException(
                $"none of the {cohort.Listed(split).Count} patients in '{Path.Combine(cohort.Folder, split)}' has "
                + $"{string.Join(", ", kinds)}{tumour}; "
                + "`data check` lists what is missing.",
                "cohort");
        }
    }

    /// <summary>The images that each patient has.</summary>
    public IReadOnlyList<string> Kinds => _kinds;

    /// <summary>Number of patients.</summary>
    public int Count => _patients.Count;

    /// <summary>Names of the patients, sorted.</summary>
    public IReadOnlyList<string> Patients { get; }

    /// <summary>
    /// Patients of the split that were left out, because an image is missing or, with <see cref="DataOptions.PositiveOnly"/>, a tumour.
    /// </summary>
    public IReadOnlyList<string> Skipped { get; }

    /// <summary>Shape of each image, <c>[1, D, H, W]</c>.</summary>
    public VolumeShape Shape => new(1, _options.Depth, _options.Height, _options.Width);

    /// <summary>Voxel size in mm.</summary>
    public Spacing Spacing => _options.Spacing;

    /// <summary>Loads some patients as one batch, which the caller disposes.</summary>
    /// <param name="indices">Places in <see cref="Patients"/>.</param>
    /// <exception cref="InvalidDataException">A file cannot be read or does not fit the options; the message names it.</exception>
    public Batch Load(params IReadOnlyList<int> indices) => Load(indices, 0, 0, CancellationToken.None);

    /// <inheritdoc/>
    public Batch Load(IReadOnlyList<int> indices, int epoch, int index, CancellationToken stop)
    {
        var real = new int[indices.Count];
        var voxels = _kinds.ToDictionary(kind => kind, _ => new float[Shape.Voxels * indices.Count]);
        for (var i = 0; i < indices.Count; i++)
        {
            var patient = _patients[indices[i]];
            foreach (var kind in _kinds)
            {
                stop.ThrowIfCancellationRequested();
                var volume = Volume(patient, kind);
                if (kind != _kinds[0] && volume.RealSlices != real[i])
                {
                    throw new InvalidDataException(
                        $"{patient.File(kind)}: it has {volume.RealSlices} slices, but {_kinds[0]} of the same patient has {real[i]}.");
                }

                real[i] = volume.RealSlices;
                volume.Voxels.CopyTo(voxels[kind], i * Shape.Voxels);
            }
        }

        return new Batch
        {
            Epoch = epoch,
            Index = index,
            Patients = [.. indices.Select(index => Patients[index])],
            Images = voxels.ToDictionary(
                image => image.Key, image => torch.tensor(image.Value, Shape.Batch(indices.Count)).DetachFromDisposeScope()),
            RealSlices = real,
            SizeBins = _use.Count ? SizeBins(indices) : null,
            LossWeights = _use.Weights is { } weights ? LossWeights(indices, weights) : null,
        };
    }

    /// <summary>Where the prepared voxels of a patient's image lie; only the file's header is read.</summary>
    /// <param name="patient">Place in <see cref="Patients"/>.</param>
    /// <param name="kind">The kind of image.</param>
    public VolumeGrid Grid(int patient, string kind)
    {
        var header = NiftiFile.ReadHeader(_patients[patient].File(kind));
        return VolumeGrid.Of(new VolumeShape(1, header.Shape[2], header.Shape[0], header.Shape[1]), header).Prepared(_options);
    }

    /// <summary>Numbers of a patient's tumours by size (<see cref="TumourSizes.Edges"/>); needs <c>seg</c> among the kinds.</summary>
    /// <param name="patient">Place in <see cref="Patients"/>.</param>
    internal IReadOnlyList<int> SizeBinsOf(int patient) => TumourSizes.Count(TumoursOf(_patients[patient]).Diameters);

    private torch.Tensor SizeBins(IReadOnlyList<int> indices)
    {
        var counts = indices.SelectMany(SizeBinsOf).Select(count => (long)count).ToArray();
        return torch.tensor(counts, [indices.Count, TumourSizes.Edges.Count]).DetachFromDisposeScope();
    }

    private torch.Tensor LossWeights(IReadOnlyList<int> indices, RegionWeights weights)
    {
        var voxels = new float[Shape.Voxels * indices.Count];
        for (var i = 0; i < indices.Count; i++)
            weights.Fill(TumoursOf(_patients[indices[i]]), voxels.AsSpan((int)(i * Shape.Voxels), (int)Shape.Voxels));
        return torch.tensor(voxels, Shape.Batch(indices.Count)).DetachFromDisposeScope();
    }

    /// <summary>The tumours of a patient's real slices: padding repeats the last one.</summary>
    private Tumours TumoursOf(CohortPatient patient)
    {
        if (_tumours.TryGetValue(patient.Folder, out var known))
            return known;
        var mask = Volume(patient, ImageKinds.Seg);
        var real = Shape with { Depth = mask.RealSlices };
        var found = TumourSizes.Find(mask.Voxels.AsSpan(0, (int)real.Voxels), real, Spacing);
        // labels are as large as the volume, and only weights need them again
        return _tumours.GetOrAdd(patient.Folder, _use.Weights is null ? found with { Labels = [] } : found);
    }

    private bool IsPositive(CohortPatient patient) =>
        patient.Kinds.Contains(ImageKinds.Seg) && Volume(patient, ImageKinds.Seg).Voxels.AsSpan().Contains(1);

    private PreparedVolume Volume(CohortPatient patient, string kind)
    {
        var file = patient.File(kind);
        if (_cache.TryGetValue(file, out var cached))
            return cached;
        var volume = VolumePreparation.Prepare(file, kind, _options, _sheet?.SpanOf(kind));

        // What came first stays: in a shuffled order that saves more decoding than keeping what came last.
        var bytes = sizeof(float) * (long)volume.Voxels.Length;
        if (Interlocked.Add(ref _free, -bytes) < 0 || !_cache.TryAdd(file, volume))
            Interlocked.Add(ref _free, bytes);
        return volume;
    }
}
