using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Sweeps;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Is told how a sweep goes. This one does nothing.</summary>
public class SweepObserver
{
    /// <summary>How much there is to do, in any unit.</summary>
    public virtual void Started(double total)
    {
    }

    /// <summary>A configuration is about to be judged.</summary>
    /// <param name="place">Which one of how many, such as <c>3/33</c>.</param>
    /// <param name="work">How much of the total it is.</param>
    public virtual void Begins(string place, double work)
    {
    }

    /// <summary>A step of a configuration's volume.</summary>
    public virtual void Stepped(string name, int volume, SamplerStep step)
    {
    }

    /// <summary>A configuration is done, now or by an earlier command.</summary>
    public virtual void Judged(SweptConfiguration one, bool before)
    {
    }
}
