using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Whose the tensors of a module are. TorchSharp gives a new tensor, parameters and buffers too, to the dispose scope that is open: it is
/// freed with that scope, and the module then goes on without it as if it had never been there.
/// </summary>
public static class ModuleTensors
{
    /// <summary>
    /// Takes the tensors of a module and of those below it from their dispose scopes, so that they live as long as the module.
    /// A constructor that opens a scope of its own calls it as the last thing in there: <c>ModuleTensors.Keep(this)</c>.
    /// </summary>
    /// <returns>The module.</returns>
    /// <exception cref="InvalidOperationException">One of them is freed already; the message names it.</exception>
    public static T Keep<T>(T module)
        where T : nn.Module
    {
        if (FirstFreed(module) is { } freed)
        {
            throw new InvalidOperationException(
                $"{freed} was freed with the dispose scope that it was made in; "
                + "make it outside, or call ModuleTensors.Keep(this) at the scope's end");
        }

        foreach (var each in WithItself(module))
        {
            foreach (var (_, tensor) in Own(each))
                tensor.DetachFromDisposeScope();
        }

        foreach (var parameter in module.parameters())
            parameter.DetachFromDisposeScope();
        foreach (var buffer in module.buffers())
            buffer.DetachFromDisposeScope();
        return module;
    }

    /// <summary>The first tensor of a module, or of one below it, that is freed: <c>table of Attention</c>; null where none is.</summary>
    public static string? FirstFreed(nn.Module module) =>
        WithItself(module)
            .SelectMany(each => Own(each).Where(one => one.Tensor.IsInvalid).Select(one => $"{one.Name} of {each.GetType().Name}"))
            .FirstOrDefault();

    // TorchSharp's modules() are those below
    private static IEnumerable<nn.Module> WithItself(nn.Module module) => module.modules().Prepend(module);

    /// <summary>The tensors in the fields of a module's own class and its bases. Those that are freed are registered no more.</summary>
    private static IEnumerable<(string Name, Tensor Tensor)> Own(nn.Module module)
    {
        const BindingFlags declared = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        for (var type = module.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
        {
            foreach (var field in type.GetFields(declared).Where(field => typeof(Tensor).IsAssignableFrom(field.FieldType)))
            {
                if (field.GetValue(module) is Tensor tensor)
                    yield return (Shown(field.Name), tensor);
            }
        }
    }

    // of a property, the compiler calls the field <Name>k__BackingField
    private static string Shown(string field) => field.StartsWith('<') ? field[1..field.IndexOf('>', StringComparison.Ordinal)] : field;
}
