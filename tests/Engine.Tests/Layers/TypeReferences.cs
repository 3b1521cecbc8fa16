using System.Reflection;
using System.Reflection.Emit;

namespace VoxelZoo.Engine.Tests.Layers;

/// <summary>
/// The types that a compiled type refers to: in what it derives from, its signatures and fields, and the bodies of its methods.
/// </summary>
internal static class TypeReferences
{
    private const string Root = "VoxelZoo.Engine";
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes =
        typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    /// <summary>
    /// The folder that a type is in, <c>Diffusion.Latents</c>; null for a type that is not Engine's. Types within types, closures
    /// too, are where the outermost is.
    /// </summary>
    public static string? Folder(Type type)
    {
        while (type.DeclaringType is { } outer)
            type = outer;
        return type.Namespace is { } name && (name == Root || name.StartsWith(Root + ".", StringComparison.Ordinal))
            ? name[Root.Length..].TrimStart('.')
            : null;
    }

    /// <summary>Each type that is referred to, with the member that does.</summary>
    public static IEnumerable<(string Member, Type Type)> Of(Type type) =>
        Referred(type).SelectMany(found => Parts(found.Type).Select(part => (found.Member, part))).Distinct();

    private static IEnumerable<(string Member, Type Type)> Referred(Type type)
    {
        foreach (var known in type.GetInterfaces().Append(type.BaseType).OfType<Type>()
            .Concat(Constraints(type.GetGenericArguments())).Concat(Attributes(type)))
            yield return ("", known);
        foreach (var field in type.GetFields(Declared))
        {
            foreach (var known in Attributes(field).Append(field.FieldType))
                yield return (field.Name, known);
        }

        foreach (var method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
        {
            foreach (var known in Signature(method).Concat(Attributes(method)).Concat(Body(method)))
                yield return (method.Name, known);
        }
    }

    private static IEnumerable<Type> Attributes(MemberInfo member) => member.GetCustomAttributesData().SelectMany(
        attribute => attribute.ConstructorArguments.Concat(attribute.NamedArguments.Select(named => named.TypedValue))
            .Select(argument => argument.Value).OfType<Type>().Append(attribute.AttributeType));

    private static IEnumerable<Type> Constraints(IEnumerable<Type> arguments) =>
        arguments.Where(argument => argument.IsGenericParameter).SelectMany(argument => argument.GetGenericParameterConstraints());

    private static IEnumerable<Type> Signature(MethodBase method)
    {
        var arguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        return
        [
            .. method.GetParameters().Select(parameter => parameter.ParameterType),
            .. method is MethodInfo { ReturnType: var type } ? (Type[])[type] : [],
            .. arguments,
            .. Constraints(arguments),
        ];
    }

    private static IEnumerable<Type> Body(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
            return [];
        return
        [
            .. body.LocalVariables.Select(local => local.LocalType),
            .. body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause)
                .Select(clause => clause.CatchType).OfType<Type>(),
            .. Tokens(body.GetILAsByteArray()!).SelectMany(token => Named(method, token)),
        ];
    }

    private static IEnumerable<Type> Named(MethodBase method, int token) => method.Module.ResolveMember(
        token, method.DeclaringType!.GetGenericArguments(), method.IsGenericMethod ? method.GetGenericArguments() : []) switch
    {
        Type type => [type],
        FieldInfo field => [field.DeclaringType!, field.FieldType],
        MethodBase called => [called.DeclaringType!, .. Signature(called)],
        _ => [],
    };

    /// <summary>The tokens of types, fields and methods in the code of a method.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at];
            var operation = Codes[value];
            at += operation.Size;
            if (operation.OperandType is OperandType.InlineMethod
                or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
                yield return BitConverter.ToInt32(code, at);
            at += operation.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }

    /// <summary>A type and those that it is made of.</summary>
    private static IEnumerable<Type> Parts(Type type) => type switch
    {
        { HasElementType: true } => Parts(type.GetElementType()!),
        { IsGenericParameter: true } => [],
        { IsGenericType: true, IsGenericTypeDefinition: false } =>
            type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition()),
        _ => [type],
    };
}
