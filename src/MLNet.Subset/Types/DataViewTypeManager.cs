namespace Microsoft.ML.Data;

/// <summary>The table of column types beyond the built-in ones, by .NET type and attribute.</summary>
public static class DataViewTypeManager
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<(Type, DataViewTypeAttribute), DataViewType> ByMember = [];
    private static readonly Dictionary<DataViewType, (Type, DataViewTypeAttribute)> ByColumnType = [];

    public static void Register(DataViewType dataViewType, Type type, DataViewTypeAttribute typeAttribute = null)
    {
        ArgumentNullException.ThrowIfNull(dataViewType);
        ArgumentNullException.ThrowIfNull(type);
        if (BuiltInTypes.IsBuiltIn(type))
        {
            throw new ArgumentOutOfRangeException(nameof(type), $"{type} is a built-in item type and cannot be registered again.");
        }

        (Type, DataViewTypeAttribute) member = (type, typeAttribute);
        lock (Gate)
        {
            if (ByMember.TryGetValue(member, out DataViewType registered) && !registered.Equals(dataViewType))
            {
                throw new ArgumentOutOfRangeException(nameof(type), $"{type} already stands for {registered} and cannot also stand for {dataViewType}.");
            }

            if (ByColumnType.TryGetValue(dataViewType, out (Type Type, DataViewTypeAttribute) owner) && !owner.Equals(member))
            {
                throw new ArgumentOutOfRangeException(nameof(dataViewType), $"{dataViewType} is already held by {owner.Type} and cannot also be held by {type}.");
            }

            ByMember[member] = dataViewType;
            ByColumnType[dataViewType] = member;
        }
    }

    internal static bool TryGet(Type type, DataViewTypeAttribute attribute, out DataViewType dataViewType)
    {
        lock (Gate)
        {
            return ByMember.TryGetValue((type, attribute), out dataViewType);
        }
    }
}
