using Kfac.Parallel;
using Kfac.Tests.Parallel;
using Microsoft.ML;
using MLNetKfac.Pictures;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests.Pictures;

/// <summary>The look at a folder's pictures that ranks share.</summary>
[TestClass]
public sealed class FolderCheckTests : IDisposable
{
    private const int Size = 3, Count = 5, Damaged = 2;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void A_rank_looks_at_its_share_and_learns_of_the_others()
    {
        string whole = Folder("whole");
        FolderCheck.Finding[] expected = FolderCheck.Run(FolderListing.Of(whole).Files, decodes: true, Communicator.Solo, progress: null);

        // Whoever looks at another rank's picture finds it empty.
        string[] folders = [.. Enumerable.Range(0, Size).Select(rank => Folder($"rank{rank}", number => number % Size != rank))];
        FolderCheck.Finding[][] found = ThreadRanks.Run(Size, ranks =>
        {
            int most = 0;
            FolderCheck.Finding[] findings = FolderCheck.Run(FolderListing.Of(folders[ranks.Rank]).Files, decodes: true, ranks, (done, all) => most = Math.Max(most, done));
            Assert.AreEqual(ranks.Rank == 0 ? 4 : 3, most);
            return findings;
        });

        Assert.AreEqual("1", string.Join(' ', expected.Index().Where(finding => finding.Item.Damage is not null).Select(finding => finding.Index == Damaged ? "1" : "?")));
        foreach (FolderCheck.Finding[] findings in found)
        {
            CollectionAssert.AreEqual(expected.Select(Describe).ToArray(), findings.Select(Describe).ToArray());
        }

        static string Describe(FolderCheck.Finding finding) => $"{finding.Size} {finding.Damage is null}";
    }

    [TestMethod]
    public void A_folder_of_ranks_has_the_rows_of_a_folder_of_one()
    {
        string folder = Folder("whole");
        ImageFolderDataView alone = Load(Communicator.Solo);

        foreach (ImageFolderDataView shared in ThreadRanks.Run(Size, Load))
        {
            CollectionAssert.AreEqual(Rows.Read(alone), Rows.Read(shared));
            CollectionAssert.AreEqual(alone.LeftOut.ToArray(), shared.LeftOut.ToArray());
        }

        ImageFolderDataView Load(Communicator ranks)
        {
            ImageFolderDataView pictures = new MLContext(1).Data.LoadImagesFromFolder(folder, new ImageFolderOptions { Communicator = ranks });
            Assert.AreEqual(2 * Count - 1, pictures.Count);
            return pictures;
        }
    }

    [TestMethod]
    public void Ranks_with_other_files_end_together()
    {
        string[] folders = [Folder("one"), Folder("other")];
        File.Delete(Path.Combine(folders[1], "a", "00.png"));

        CommunicatorException refused = Assert.ThrowsExactly<CommunicatorException>(
            () => ThreadRanks.Run(2, ranks => FolderCheck.Run(FolderListing.Of(folders[ranks.Rank]).Files, decodes: false, ranks, progress: null)));

        Assert.AreEqual("rank 1 has other picture files than rank 0: all ranks need the same files in the same folders", refused.Message);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void What_ends_one_rank_ends_the_others(bool isCancelled)
    {
        PictureFile[] files = [.. FolderListing.Of(Folder("whole")).Files];
        var seen = new string[2];

        Assert.Throws<Exception>(() => ThreadRanks.Run(2, ranks =>
        {
            try
            {
                return FolderCheck.Run(files, decodes: true, ranks, ranks.Rank == 1 ? (_, _) => throw (isCancelled ? new OperationCanceledException("enough") : new FormatException("enough")) : null);
            }
            catch (Exception failure)
            {
                seen[ranks.Rank] = $"{failure.GetType().Name}: {failure.Message}";
                throw;
            }
        }));

        CollectionAssert.AreEqual(
            isCancelled
                ? (string[])["OperationCanceledException: a rank was cancelled", "OperationCanceledException: enough"]
                : ["CommunicatorException: rank 1 failed: enough", "FormatException: enough"],
            seen);
    }

    /// <summary>Two classes; the third picture of the first is cut off.</summary>
    private string Folder(string name, Func<int, bool>? isEmpty = null)
    {
        string folder = _folder.File(name);
        PictureFiles.WriteClasses(folder, Count, "a", "b");
        string[] files = [.. FolderListing.Of(folder).Files.Select(file => file.Path)];
        File.WriteAllBytes(files[Damaged], File.ReadAllBytes(files[Damaged])[..60]);
        foreach (string file in files.Where((_, number) => isEmpty?.Invoke(number) == true))
        {
            File.WriteAllBytes(file, []);
        }

        return folder;
    }
}
