using VoxelZoo.Conformance;

namespace Acme.Plugin._1.Tests;

/// <summary>What the contract asks of the part: shapes, determinism, inputs that are left alone, tensors that are left behind …</summary>
public sealed class Conformance : PluginConformanceTests<PartNameKindName>;
