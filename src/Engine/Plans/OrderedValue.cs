using System.Text.Json.Serialization;

namespace VoxelZoo.Engine.Plans;

/// <summary>A metric's values in a file that says with them which one is better.</summary>
public abstract record OrderedValue
{
    /// <summary>Whether more is better; missing in files of before this was written.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? HigherIsBetter { get; init; }

    /// <summary>The value that is best where neither more nor less is better; missing for other metrics.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? BestValue { get; init; }

    /// <summary>Which value is better; null where the file does not say it.</summary>
    [JsonIgnore]
    public MetricOrder? Order
    {
        get => HigherIsBetter is { } higher ? new MetricOrder(higher, BestValue) : null;
        init => (HigherIsBetter, BestValue) = (value?.HigherIsBetter, value?.BestValue);
    }
}
