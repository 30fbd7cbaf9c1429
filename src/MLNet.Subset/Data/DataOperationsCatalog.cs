using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Makes data views from objects and files, and filters, splits, shuffles and caches them.</summary>
public sealed partial class DataOperationsCatalog
{
    private readonly IHost _host;

    internal DataOperationsCatalog(IHostEnvironment env)
    {
        _host = env.Register(nameof(DataOperationsCatalog));
    }

    internal IHost Environment => _host;

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, SchemaDefinition schemaDefinition = null)
        where TRow : class
    {
        ArgumentNullException.ThrowIfNull(data);
        return new EnumerableDataView<TRow>(data, schemaDefinition);
    }

    /// <summary>The same, with the column types and annotations of a schema.</summary>
    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, DataViewSchema schema)
        where TRow : class
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(schema);
        return new EnumerableDataView<TRow>(data, SchemaDefinition.Create(typeof(TRow), schema));
    }

    /// <summary>The rows as objects, read as they are enumerated.</summary>
    public IEnumerable<TRow> CreateEnumerable<TRow>(
        IDataView data, bool reuseRowObject, bool ignoreMissingColumns = false, SchemaDefinition schemaDefinition = null)
        where TRow : class, new()
    {
        ArgumentNullException.ThrowIfNull(data);
        return new RowEnumerable<TRow>(data, new RowFiller<TRow>(data.Schema, ignoreMissingColumns, schemaDefinition), reuseRowObject);
    }

    /// <summary>Keeps the data in memory once read; the columns named are read at once, the others when first asked for.</summary>
    public IDataView Cache(IDataView input, params string[] columnsToPrefetch)
    {
        ArgumentNullException.ThrowIfNull(input);
        var cache = new CachedDataView(input);
        if (columnsToPrefetch is { Length: > 0 })
        {
            cache.Fill([.. columnsToPrefetch.Select(name => cache.Schema.RequireColumn(name, "prefetch"))]);
        }

        return cache;
    }
}
