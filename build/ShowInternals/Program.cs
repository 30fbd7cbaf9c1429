using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: ShowInternals <assembly> <copy>: writes a copy for the compiler in which every internal type and member is public.");
    return 2;
}

byte[] image = File.ReadAllBytes(args[0]);
using (var file = new PEReader(new MemoryStream(image, writable: false)))
{
    MetadataReader metadata = file.GetMetadataReader();
    int start = file.PEHeaders.MetadataStartOffset;

    // Visibility is three bits in a fixed place of each row (ECMA-335 II.22.37, II.22.15, II.22.26), so it is changed where it
    // stands and the identity of the assembly stays. Private members stay private: two of one name could clash.
    foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
    {
        TypeAttributes visibility = metadata.GetTypeDefinition(handle).Attributes & TypeAttributes.VisibilityMask;
        TypeAttributes shown = visibility switch
        {
            TypeAttributes.NotPublic => TypeAttributes.Public,
            TypeAttributes.NestedAssembly or TypeAttributes.NestedFamORAssem => TypeAttributes.NestedPublic,
            _ => visibility,
        };
        Flip(TableIndex.TypeDef, MetadataTokens.GetRowNumber(handle), 0, (int)(visibility ^ shown));
    }

    foreach (FieldDefinitionHandle handle in metadata.FieldDefinitions)
    {
        FieldAttributes access = metadata.GetFieldDefinition(handle).Attributes & FieldAttributes.FieldAccessMask;
        bool hidden = access is FieldAttributes.Assembly or FieldAttributes.FamORAssem;
        Flip(TableIndex.Field, MetadataTokens.GetRowNumber(handle), 0, hidden ? (int)(access ^ FieldAttributes.Public) : 0);
    }

    const int AfterRvaAndImplFlags = 6;
    foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
    {
        MethodAttributes access = metadata.GetMethodDefinition(handle).Attributes & MethodAttributes.MemberAccessMask;
        bool hidden = access is MethodAttributes.Assembly or MethodAttributes.FamORAssem;
        Flip(TableIndex.MethodDef, MetadataTokens.GetRowNumber(handle), AfterRvaAndImplFlags, hidden ? (int)(access ^ MethodAttributes.Public) : 0);
    }

    void Flip(TableIndex table, int row, int column, int bits) =>
        image[start + metadata.GetTableMetadataOffset(table) + ((row - 1) * metadata.GetTableRowSize(table)) + column] ^= (byte)bits;
}

File.WriteAllBytes(args[1], image);
return 0;
