using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A field or property of a user's class, bound to a column.</summary>
internal sealed class RowMember
{
    private RowMember(MemberInfo member, string columnName, DataViewType columnType, DataViewSchema.Annotations annotations)
    {
        Member = member;
        ColumnName = columnName;
        ColumnType = columnType;
        Annotations = annotations;
    }

    public MemberInfo Member { get; }

    public string ColumnName { get; }

    public DataViewType ColumnType { get; }

    public DataViewSchema.Annotations Annotations { get; }

    public Type MemberType => TypeOf(Member);

    /// <summary>Resolves and checks a definition, or the one that the class itself gives, against the class.</summary>
    public static RowMember[] Bind(Type userType, SchemaDefinition.Direction direction, SchemaDefinition definition)
        => [.. (definition ?? SchemaDefinition.Create(userType, direction)).Select(column => Bind(userType, column))];

    public static DataViewSchema SchemaOf(IEnumerable<RowMember> members)
    {
        var builder = new DataViewSchema.Builder();
        foreach (RowMember member in members)
        {
            builder.AddColumn(member.ColumnName, member.ColumnType, member.Annotations);
        }

        return builder.ToSchema();
    }

    public static IEnumerable<MemberInfo> ColumnMembers(Type userType, SchemaDefinition.Direction direction)
    {
        const BindingFlags Visible = BindingFlags.Public | BindingFlags.Instance;
        IEnumerable<MemberInfo> properties = userType.GetProperties(Visible).Where(property
            => property.GetIndexParameters().Length == 0
                && ((direction.HasFlag(SchemaDefinition.Direction.Read) && property.GetGetMethod() is not null)
                    || (direction.HasFlag(SchemaDefinition.Direction.Write) && property.GetSetMethod() is not null)));
        return userType.GetFields(Visible).Concat(properties).Where(member
            => member.GetCustomAttribute<NoColumnAttribute>() is null && TypeOf(member) != typeof(IChannel));
    }

    public static DataViewType InferColumnType(MemberInfo member)
    {
        (Type itemType, bool isVector) = SplitVector(TypeOf(member));
        DataViewTypeAttribute typeAttribute = member.GetCustomAttribute<DataViewTypeAttribute>();
        typeAttribute?.Register();
        if (DataViewTypeManager.TryGet(itemType, typeAttribute, out DataViewType registered))
        {
            return registered;
        }

        if (!BuiltInTypes.TryFromRawType(itemType, out PrimitiveDataViewType columnItemType))
        {
            throw new ArgumentOutOfRangeException(nameof(member), $"Member {member.Name} has type {TypeOf(member)}, which is neither a built-in nor a registered column type.");
        }

        if (member.GetCustomAttribute<KeyTypeAttribute>() is KeyTypeAttribute key)
        {
            columnItemType = new KeyDataViewType(itemType, key.Count ?? KeyDataViewType.MaxCount(itemType));
        }

        VectorTypeAttribute shape = member.GetCustomAttribute<VectorTypeAttribute>();
        if (!isVector)
        {
            return shape is null
                ? columnItemType
                : throw new ArgumentOutOfRangeException(nameof(member), $"Member {member.Name} is marked as a vector, but has type {TypeOf(member)}.");
        }

        return shape is { Dimensions.Length: > 0 }
            ? new VectorDataViewType(columnItemType, shape.Dimensions)
            : new VectorDataViewType(columnItemType);
    }

    public static void RequireCompatible(Type memberType, DataViewType columnType, string who)
    {
        (Type itemType, bool isVector) = SplitVector(memberType);
        if (isVector != columnType is VectorDataViewType || itemType != columnType.ItemTypeOrSelf.RawType)
        {
            throw new ArgumentOutOfRangeException(nameof(columnType), $"{who} has type {memberType}, which cannot hold a column of type {columnType}.");
        }
    }

    public static Type TypeOf(MemberInfo member)
        => member is FieldInfo field ? field.FieldType : ((PropertyInfo)member).PropertyType;

    private static RowMember Bind(Type userType, SchemaDefinition.Column column)
    {
        MemberInfo member = (MemberInfo)userType.GetField(column.MemberName) ?? userType.GetProperty(column.MemberName)
            ?? throw new ArgumentOutOfRangeException(nameof(column), $"{userType.Name} has no field or property '{column.MemberName}'.");
        string name = string.IsNullOrEmpty(column.ColumnName) ? column.MemberName : column.ColumnName;
        DataViewType type = column.ColumnType ?? InferColumnType(member);
        RequireCompatible(TypeOf(member), type, $"Member '{member.Name}' for column '{name}'");
        return new RowMember(member, name, type, column.Annotations);
    }

    private static (Type ItemType, bool IsVector) SplitVector(Type memberType)
    {
        bool isBuffer = memberType.IsGenericType && memberType.GetGenericTypeDefinition() == typeof(VBuffer<>);
        Type itemType = memberType.IsArray ? memberType.GetElementType()
            : isBuffer ? memberType.GetGenericArguments()[0]
            : memberType;
        return (itemType == typeof(string) ? typeof(ReadOnlyMemory<char>) : itemType, memberType.IsArray || isBuffer);
    }
}
