using VoxelZoo.Conformance;

namespace Acme.UViT.Tests;

/// <summary>
/// What the contract asks of the part: shapes, gradients, determinism, save and load, odd sizes, tensors that are left behind …
/// </summary>
public sealed class Conformance : PluginConformanceTests<UViTArchitecture>;
