using System.Runtime.InteropServices;
using System.Text;
using Kfac.Parallel;

namespace Kfac.Mpi;

/// <summary>
/// The functions of the MPI library of this machine. Open MPI's handles are addresses of exported symbols, MPICH's are numbers;
/// both fit into a pointer, so that one set of signatures serves.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    /// <summary>MPI_THREAD_MULTIPLE.</summary>
    private const int AnyThread = 3;

    private const int MaxErrorText = 1024;

    private static readonly string[] OpenMpiNames = ["libmpi.so.40", "libmpi.40.dylib", "libmpi.so"];
    private static readonly string[] MpichNames = ["libmpich.so.12", "libmpi.so.12", "libmpi.12.dylib"];

    private readonly nint _byte, _errorsReturn, _statusIgnore;
    private readonly delegate* unmanaged<int*, byte***, int, int*, int> _initThread;
    private readonly delegate* unmanaged<int*, int> _initialized;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly delegate* unmanaged<nint, int*, int> _rank, _size;
    private readonly delegate* unmanaged<nint, nint, int> _setErrorHandler;
    private readonly delegate* unmanaged<nint, nint*, int> _duplicate;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int> _send, _receive;
    private readonly delegate* unmanaged<nint*, int*, nint, int> _test;
    private readonly delegate* unmanaged<nint*, int> _cancel;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<int, byte*, int*, int> _errorString;
    private int _thisRank = -1;

    private MpiLibrary(nint library)
    {
        bool isOpenMpi = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out nint world);
        World = isOpenMpi ? world : 0x44000000;
        _byte = isOpenMpi ? Export("ompi_mpi_byte") : 0x4c00010d;
        _errorsReturn = isOpenMpi ? Export("ompi_mpi_errors_return") : 0x54000001;
        _statusIgnore = isOpenMpi ? 0 : 1;
        _initThread = (delegate* unmanaged<int*, byte***, int, int*, int>)Export("MPI_Init_thread");
        _initialized = (delegate* unmanaged<int*, int>)Export("MPI_Initialized");
        _finalize = (delegate* unmanaged<int>)Export("MPI_Finalize");
        _rank = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_size");
        _setErrorHandler = (delegate* unmanaged<nint, nint, int>)Export("MPI_Comm_set_errhandler");
        _duplicate = (delegate* unmanaged<nint, nint*, int>)Export("MPI_Comm_dup");
        _send = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Export("MPI_Isend");
        _receive = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Export("MPI_Irecv");
        _test = (delegate* unmanaged<nint*, int*, nint, int>)Export("MPI_Test");
        _cancel = (delegate* unmanaged<nint*, int>)Export("MPI_Cancel");
        _abort = (delegate* unmanaged<nint, int, int>)Export("MPI_Abort");
        _errorString = (delegate* unmanaged<int, byte*, int*, int>)Export("MPI_Error_string");

        nint Export(string name) => NativeLibrary.GetExport(library, name);
    }

    /// <summary>MPI_COMM_WORLD.</summary>
    public nint World { get; }

    /// <summary>Loads the library that <c>KFAC_MPI</c> names, or else the one of the launcher that started this process.</summary>
    /// <exception cref="CommunicatorException">There is none, or it lacks a function.</exception>
    public static MpiLibrary Load()
    {
        // UCX, which is below both libraries, would take segmentation faults for itself, and with them .NET's null references.
        if (OperatingSystem.IsLinux())
        {
            _ = SetEnvironment("UCX_ERROR_SIGNALS", "", overwrite: 1);
        }

        bool isHydra = Environment.GetEnvironmentVariable("PMI_SIZE") is not null && Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_SIZE") is null;
        string[] names = Environment.GetEnvironmentVariable("KFAC_MPI") is { Length: > 0 } chosen
            ? [chosen]
            : isHydra ? [.. MpichNames, .. OpenMpiNames] : [.. OpenMpiNames, .. MpichNames];
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library))
            {
                try
                {
                    return new MpiLibrary(library);
                }
                catch (EntryPointNotFoundException missing)
                {
                    throw new CommunicatorException($"{name} is no MPI library: {missing.Message}");
                }
            }
        }

        throw new CommunicatorException(
            $"there is no MPI library: none of {string.Join(", ", names)} could be loaded; install Open MPI (Debian: openmpi-bin and libopenmpi3) or MPICH, or let KFAC_MPI name the file");
    }

    /// <summary>MPI_Init_thread, unless someone else has done it.</summary>
    /// <returns>Whether it is for us to finalise.</returns>
    public bool Initialize()
    {
        int isInitialized = 0, provided = 0;
        _ = _initialized(&isInitialized);
        if (isInitialized == 0)
        {
            Check(_initThread(null, null, AnyThread, &provided), "MPI_Init_thread");
            if (provided < AnyThread)
            {
                throw new CommunicatorException("the MPI library lets only one thread call it: MPI_THREAD_MULTIPLE is needed");
            }
        }

        Check(_setErrorHandler(World, _errorsReturn), "MPI_Comm_set_errhandler");
        return isInitialized == 0;
    }

    public (int Rank, int Size) Measure()
    {
        int rank, size;
        Check(_rank(World, &rank), "MPI_Comm_rank");
        Check(_size(World, &size), "MPI_Comm_size");
        _thisRank = rank;
        return (rank, size);
    }

    /// <summary>Another communicator of all ranks, whose messages never meet the world's.</summary>
    public nint Duplicate()
    {
        nint communicator = 0;
        Check(_duplicate(World, &communicator), "MPI_Comm_dup");
        Check(_setErrorHandler(communicator, _errorsReturn), "MPI_Comm_set_errhandler");
        return communicator;
    }

    /// <summary>Begins to send; neither <paramref name="bytes"/> nor <paramref name="request"/> may move before it is done.</summary>
    public void Send(void* bytes, int length, int to, nint communicator, nint* request) =>
        Check(_send(bytes, length, _byte, to, 0, communicator, request), "MPI_Isend");

    /// <summary>Begins to receive; neither <paramref name="bytes"/> nor <paramref name="request"/> may move before it is done.</summary>
    public void Receive(void* bytes, int length, int from, nint communicator, nint* request) =>
        Check(_receive(bytes, length, _byte, from, 0, communicator, request), "MPI_Irecv");

    /// <summary>Whether what was begun is done.</summary>
    public bool IsDone(nint* request)
    {
        int isDone = 0;
        Check(_test(request, &isDone, _statusIgnore), "MPI_Test");
        return isDone != 0;
    }

    /// <summary>Gives a message up that is awaited; <see cref="IsDone"/> is still to be asked.</summary>
    public void Cancel(nint* request) => Check(_cancel(request), "MPI_Cancel");

    public void Complete() => Check(_finalize(), "MPI_Finalize");

    /// <summary>Ends all ranks, this one included.</summary>
    public void Abort(int exitCode) => _ = _abort(World, exitCode);

    private void Check(int error, string call)
    {
        if (error != 0)
        {
            byte* text = stackalloc byte[MaxErrorText];
            int length = 0;
            _ = _errorString(error, text, &length);
            throw new CommunicatorException($"{(_thisRank < 0 ? "" : $"rank {_thisRank}: ")}{call} failed: {Encoding.UTF8.GetString(text, length)}");
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
