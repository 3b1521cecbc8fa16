using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>
/// Takes a batch from noise to data with rejections. Samples go back each for itself; the noisiest ones are always the next to go on, so
/// that all of them that take the same step take it in one call.
/// </summary>
internal sealed class RejectionLoop(JudgedPath path, RejectionThresholds thresholds, DiffrsOptions options)
{
    // after so many rejections in a row a sample is kept: a discriminator that likes nothing must not hold it for ever
    private const int MostRejections = 100;

    // ln U with U = 0 would keep anything
    private const double SmallestUniform = 1e-7;

    private readonly int[] _places = new int[path.Batch];
    private readonly int[] _calls = new int[path.Batch];
    private readonly double[] _ratios = new double[path.Batch];
    private readonly Tensor _x = path.Noise.clone();
    private readonly Tensor _clean = zeros_like(path.Noise);

    /// <summary>Samples the batch; the result is in the current dispose scope.</summary>
    public Tensor Run()
    {
        Begin(_ => true);
        while (_places.Min() is var k && k < path.Steps)
        {
            using var scope = NewDisposeScope();
            var moving = Where(i => _places[i] == k);
            var (next, clean) = path.Step(_x, k);
            Replace(_x, next, moving);
            Replace(_clean, clean, moving);
            foreach (var i in moving)
            {
                _places[i]++;
                _calls[i]++;
            }

            Correct(moving, k + 1);
            Begin(i => _places[i] < path.Steps && _calls[i] >= options.MaxIter, anew: true);
        }

        return _x;
    }

    /// <summary>Keeps the noise that samples start from, or draws other noise until it is kept.</summary>
    private void Begin(Func<int, bool> which, bool anew = false)
    {
        var pending = Where(which);
        foreach (var i in pending)
            (_places[i], _calls[i]) = (0, 0);
        if (anew && pending.Count > 0)
            ReplaceByNoise(pending);
        for (var tries = 0; pending.Count > 0 && tries < MostRejections; tries++)
        {
            pending = Reject(pending, 0, _ => thresholds.Level[0]);
            if (pending.Count > 0)
                ReplaceByNoise(pending);
        }
    }

    /// <summary>
    /// Judges samples that have just come to a place, and takes back those that are rejected, until they are kept where they are then.
    /// </summary>
    private void Correct(List<int> pending, int place)
    {
        pending = Reject(pending, place, i => thresholds.Growth[place] + _ratios[i]);
        for (var rejections = 1; pending.Count > 0; rejections++)
        {
            using var scope = NewDisposeScope();
            place = Math.Max(place - options.Backsteps, 0);
            Replace(_x, path.Renoise(_clean, place), pending);
            foreach (var i in pending)
                (_places[i], _ratios[i]) = (place, 0);
            if (rejections == MostRejections)
                return;
            pending = Reject(pending, place, _ => thresholds.Level[place]);
        }
    }

    /// <summary>Those of the samples whose ratio is below a threshold + ln U; the ratio of the others is remembered.</summary>
    private List<int> Reject(List<int> judged, int place, Func<int, double> threshold)
    {
        if (judged.Count == 0)
            return judged;
        var (ratios, uniform) = (path.Judge(_x, place), path.Uniform());
        List<int> rejected = [];
        foreach (var i in judged)
        {
            if (ratios[i] < threshold(i) + Math.Log(uniform[i] + SmallestUniform))
                rejected.Add(i);
            else
                _ratios[i] = ratios[i];
        }

        return rejected;
    }

    private void ReplaceByNoise(List<int> which)
    {
        using var scope = NewDisposeScope();
        Replace(_x, path.FreshNoise(), which);
    }

    private List<int> Where(Func<int, bool> which) => [.. Enumerable.Range(0, path.Batch).Where(which)];

    private static void Replace(Tensor target, Tensor source, List<int> which)
    {
        foreach (var i in which)
            target[i].copy_(source[i]);
    }
}
