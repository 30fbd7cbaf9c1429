using System.Reflection;
using System.Reflection.Emit;

namespace Kfac.Tests;

/// <summary>The types that a type names: in its base, its members and the code of its methods.</summary>
internal static class UsedTypes
{
    private const BindingFlags Declared = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    private static readonly Dictionary<int, OpCode> OpCodesByValue = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (int)(ushort)code.Value);

    public static HashSet<Type> Of(Type type)
    {
        var used = new HashSet<Type>();
        Add(used, type.BaseType);
        Add(used, type.GetInterfaces());
        Add(used, [.. type.GetFields(Declared).Select(field => field.FieldType)]);
        foreach (MethodBase method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
        {
            AddSignature(used, method);
            if (method.GetMethodBody() is { } body)
            {
                Add(used, [.. body.LocalVariables.Select(variable => variable.LocalType)]);
                AddCode(used, method, body.GetILAsByteArray()!);
            }
        }

        return used;
    }

    private static void AddCode(HashSet<Type> used, MethodBase method, byte[] code)
    {
        Type[] typeArguments = method.DeclaringType!.GetGenericArguments(), methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        for (int at = 0; at < code.Length;)
        {
            OpCode operation = OpCodesByValue[code[at] == 0xFE ? 0xFE00 | code[at + 1] : code[at]];
            at += operation.Size;
            if (operation.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
            {
                AddMember(used, method.Module.ResolveMember(BitConverter.ToInt32(code, at), typeArguments, methodArguments)!);
            }

            at += OperandSize(operation.OperandType, code, at);
        }
    }

    private static int OperandSize(OperandType type, byte[] code, int at) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
        _ => 4,
    };

    private static void AddMember(HashSet<Type> used, MemberInfo member)
    {
        Add(used, member as Type ?? member.DeclaringType);
        switch (member)
        {
            case FieldInfo field:
                Add(used, field.FieldType);
                break;
            case MethodBase method:
                AddSignature(used, method);
                break;
        }
    }

    private static void AddSignature(HashSet<Type> used, MethodBase method)
    {
        Add(used, [.. method.GetParameters().Select(parameter => parameter.ParameterType)]);
        Add(used, (method as MethodInfo)?.ReturnType);
        Add(used, method.IsGenericMethod ? method.GetGenericArguments() : []);
    }

    private static void Add(HashSet<Type> used, params Type?[] types)
    {
        foreach (Type? type in types)
        {
            if (type is { HasElementType: true })
            {
                Add(used, type.GetElementType());
            }
            else if (type is { IsGenericParameter: false } && used.Add(type))
            {
                Add(used, type.GetGenericArguments());
            }
        }
    }
}
