using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Is told how an experiment goes. This one does nothing; derive from it, and override what is of interest.</summary>
public class ExperimentObserver
{
    /// <summary>Something that the user should know, one sentence.</summary>
    public virtual void Warned(string sentence)
    {
    }

    /// <summary>Something that was done, or is begun, and takes its time, one sentence.</summary>
    public virtual void Told(string sentence)
    {
    }

    /// <summary>What training takes over of other weights.</summary>
    public virtual void Started(StartRecord start)
    {
    }

    /// <summary>What was found of a cohort and is no reason to refuse it. Each of several processes finds it for itself.</summary>
    /// <param name="findings">What was not said before.</param>
    /// <param name="cohort">The cohort.</param>
    public virtual void Found(IReadOnlyList<CohortFinding> findings, Cohort cohort)
    {
        foreach (var finding in findings)
            Warned($"{Path.GetRelativePath(cohort.Folder, finding.File)} {finding.Finding}");
    }

    /// <summary>Is told how a training goes that is about to begin; disposed after it where it can be.</summary>
    public virtual TrainingObserver Training(Plan plan) => new Unseen(this);

    /// <summary>Does the encoding of volumes, on this thread, to which tensors' dispose scopes belong.</summary>
    /// <param name="compressor">The id of what encodes them.</param>
    /// <param name="work">The work; calls what it is given with the number of volumes encoded and in all.</param>
    public virtual T Encoding<T>(string compressor, Func<Action<int, int>, T> work) => work((_, _) => { });

    /// <summary>Does the sampling of volumes, on this thread.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="work">The work; calls what it is given with the number of finished volumes and each step.</param>
    public virtual T Sampling<T>(ExperimentPlan plan, Func<Action<int, SamplerStep>, T> work) => work((_, _) => { });

    /// <summary>Hands on what the user should know.</summary>
    private sealed class Unseen(ExperimentObserver observer) : TrainingObserver
    {
        public override void Warned(string sentence) => observer.Warned(sentence);
    }
}
