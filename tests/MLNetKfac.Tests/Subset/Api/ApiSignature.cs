using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace MLNetKfac.Tests.Subset.Api;

/// <summary>Writes what is visible of types and members outside their assembly the way the list of the public API does.</summary>
internal static class ApiSignature
{
    private const BindingFlags Declared
        = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(char)] = "char",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
    };

    /// <summary>The first line of a type, up to its bases: "public sealed class MLContext".</summary>
    public static string OfType(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            MethodInfo invoke = type.GetMethod("Invoke")!;
            return $"public delegate {NameOf(invoke.ReturnType)} {ShortName(type)}({Parameters(invoke)})";
        }

        string kind = type.IsEnum ? "enum"
            : type.IsInterface ? "interface"
            : type.IsValueType ? (HasAttribute(type, "IsReadOnlyAttribute") ? "readonly " : "") + (type.IsByRefLike ? "ref struct" : "struct")
            : type.IsAbstract && type.IsSealed ? "static class"
            : type.IsAbstract ? "abstract class"
            : type.IsSealed ? "sealed class"
            : "class";
        return $"public {kind} {ShortName(type)}";
    }

    /// <summary>The bases that are visible and not implied.</summary>
    public static IEnumerable<string> BasesOf(Type type)
    {
        if (type.IsEnum || typeof(Delegate).IsAssignableFrom(type))
        {
            return [];
        }

        bool hasOwnBase = type.BaseType is { } baseType && baseType != typeof(object) && baseType != typeof(ValueType);
        IEnumerable<Type> inherited = (type.BaseType?.GetInterfaces() ?? []).Concat(type.GetInterfaces().SelectMany(each => each.GetInterfaces()));
        IEnumerable<Type> own = type.GetInterfaces().Except(inherited).Where(each => each.IsVisible);
        return (hasOwnBase ? own.Prepend(type.BaseType!) : own).Select(NameOf);
    }

    /// <summary>The members that a user of the type, or of a class derived from it, can name.</summary>
    public static IEnumerable<string> MembersOf(Type type)
    {
        if (type.IsEnum)
        {
            return type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .Select(field => $"{field.Name} = {Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}");
        }

        if (typeof(Delegate).IsAssignableFrom(type))
        {
            return [];
        }

        IEnumerable<string> fields = type.GetFields(Declared).Where(field => IsVisible(field.Attributes)).Select(OfField);
        IEnumerable<string> constructors = type.GetConstructors(Declared)
            .Where(constructor => !constructor.IsStatic && IsVisible(constructor))
            .Select(constructor => $"{Access(constructor)}{type.Name.Split('`')[0]}({Parameters(constructor)})");
        IEnumerable<string> properties = type.GetProperties(Declared).Where(property => property.GetAccessors(true).Any(IsVisible)).Select(OfProperty);
        IEnumerable<string> events = type.GetEvents(Declared).Where(each => IsVisible(each.AddMethod!))
            .Select(each => $"{Access(each.AddMethod!)}event {NameOf(each.EventHandlerType!)} {each.Name}");
        IEnumerable<string> methods = type.GetMethods(Declared).Where(method => !method.IsSpecialName && IsVisible(method)).Select(OfMethod);
        return fields.Concat(constructors).Concat(properties).Concat(events).Concat(methods);
    }

    /// <summary>The name by which the list has a type: with the types it is nested in and the number of its type parameters.</summary>
    public static string KeyOf(Type type) => $"{type.Namespace}.{NestedName(type)}`{type.GetGenericArguments().Length}";

    private static string OfField(FieldInfo field)
    {
        string modifiers = field.IsLiteral ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        return $"{(field.IsPublic ? "public " : "protected ")}{modifiers}{NameOf(field.FieldType)} {field.Name}";
    }

    private static string OfProperty(PropertyInfo property)
    {
        MethodInfo first = property.GetAccessors(true).First(IsVisible);
        string accessors = (property.GetMethod is { } getter && IsVisible(getter) ? "get; " : "")
            + (property.SetMethod is { } setter && IsVisible(setter) ? "set; " : "");
        string name = property.GetIndexParameters() is { Length: > 0 } indexes
            ? $"this[{string.Join(", ", indexes.Select(index => $"{NameOf(index.ParameterType)} {index.Name}"))}]"
            : property.Name;
        return $"{Access(first)}{Modifiers(first)}{NameOf(property.PropertyType)} {name} {{ {accessors}}}";
    }

    private static string OfMethod(MethodInfo method)
    {
        string typeParameters = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(NameOf))}>" : "";
        string self = method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "";
        return $"{Access(method)}{Modifiers(method)}{NameOf(method.ReturnType)} {method.Name}{typeParameters}({self}{Parameters(method)})"
            + string.Concat(method.GetGenericArguments().Select(Constraints));
    }

    private static string Access(MethodBase method)
        => method.DeclaringType!.IsInterface ? "" : method.IsPublic ? "public " : "protected ";

    private static string Modifiers(MethodInfo method)
    {
        if (method.IsStatic)
        {
            return "static ";
        }

        bool isOverride = method.IsVirtual && !method.Attributes.HasFlag(MethodAttributes.NewSlot);
        return method.DeclaringType!.IsInterface ? ""
            : isOverride ? (method.IsFinal && !method.DeclaringType.IsSealed ? "sealed override " : method.IsAbstract ? "abstract override " : "override ")
            : method.IsAbstract ? "abstract "
            : method.IsVirtual && !method.IsFinal ? "virtual "
            : "";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
    {
        string modifier = parameter.IsOut ? "out " : parameter.ParameterType.IsByRef ? "ref " : parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "";
        string value = parameter.HasDefaultValue ? $" = {DefaultOf(parameter)}" : "";
        return $"{modifier}{NameOf(parameter.ParameterType)} {parameter.Name}{value}";
    }));

    private static string DefaultOf(ParameterInfo parameter)
    {
        Type type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        return parameter.RawDefaultValue switch
        {
            null => parameter.ParameterType.IsGenericParameter ? "default" : "null",
            object value when type.IsEnum => $"{NameOf(type)}.{Enum.GetName(type, value)}",
            string text => $"\"{text}\"",
            char character => character == '\t' ? "'\\t'" : $"'{character}'",
            bool boolean => boolean ? "true" : "false",
            double number => number.ToString(CultureInfo.InvariantCulture) + "d",
            float number => number.ToString(CultureInfo.InvariantCulture) + "f",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            object other => other.ToString()!,
        };
    }

    private static string Constraints(Type parameter)
    {
        GenericParameterAttributes attributes = parameter.GenericParameterAttributes;
        bool isStruct = attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
        var constraints = new List<string>();
        if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
        {
            constraints.Add("class");
        }

        constraints.AddRange(parameter.GetGenericParameterConstraints().Where(each => each != typeof(ValueType)).Select(NameOf));
        if (attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint) && !isStruct)
        {
            constraints.Add("new()");
        }

        return constraints.Count > 0 ? $" where {parameter.Name} : {string.Join(", ", constraints)}" : "";
    }

    private static string ShortName(Type type)
        => type.Name.Split('`')[0] + TypeParameters(type.GetGenericArguments().Skip(type.DeclaringType?.GetGenericArguments().Length ?? 0));

    private static string NestedName(Type type)
        => (type.DeclaringType is { } outer ? NestedName(outer) + "." : "") + type.Name.Split('`')[0];

    private static string NameOf(Type type)
    {
        if (type.IsByRef)
        {
            return NameOf(type.GetElementType()!);
        }

        if (type.IsArray)
        {
            return $"{NameOf(type.GetElementType()!)}[]";
        }

        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return $"{NameOf(underlying)}?";
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        if (Keywords.TryGetValue(type, out string? keyword))
        {
            return keyword;
        }

        Type[] arguments = type.GetGenericArguments();
        int outerCount = type.DeclaringType?.GetGenericArguments().Length ?? 0;
        string outer = type.DeclaringType is { } declaring
            ? NameOf(declaring.IsGenericTypeDefinition ? declaring.MakeGenericType(arguments[..outerCount]) : declaring) + "."
            : "";
        return outer + type.Name.Split('`')[0] + Arguments(arguments.Skip(outerCount));
    }

    private static string Arguments(IEnumerable<Type> arguments)
        => arguments.Any() ? $"<{string.Join(", ", arguments.Select(NameOf))}>" : "";

    private static string TypeParameters(IEnumerable<Type> parameters)
        => parameters.Any() ? $"<{string.Join(", ", parameters.Select(parameter => Variance(parameter) + parameter.Name))}>" : "";

    private static string Variance(Type parameter)
        => parameter.GenericParameterAttributes.HasFlag(GenericParameterAttributes.Covariant) ? "out "
            : parameter.GenericParameterAttributes.HasFlag(GenericParameterAttributes.Contravariant) ? "in "
            : "";

    private static bool HasAttribute(Type type, string name)
        => type.CustomAttributes.Any(attribute => attribute.AttributeType.Name == name);

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsVisible(FieldAttributes attributes)
        => (attributes & FieldAttributes.FieldAccessMask) is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem;
}
