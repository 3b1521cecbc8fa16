using VoxelZoo.Conformance;

namespace Acme.DpmSolver.Tests;

/// <summary>What the contract asks of the part: noise that is left alone, progress, cancellation, tensors that are left behind …</summary>
public sealed class Conformance : PluginConformanceTests<DpmSolverSampler>;
