using System.Runtime.ExceptionServices;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Images;

/// <summary>A batch that is ready to be trained on.</summary>
/// <param name="capacity">Most images.</param>
/// <param name="imageSize">H·W·C.</param>
internal sealed class LoadedBatch(int capacity, int imageSize)
{
    /// <summary>[capacity, H, W, C], scaled; only this rank's examples are there.</summary>
    public float[] Pixels { get; } = new float[checked(capacity * imageSize)];

    /// <summary>[capacity].</summary>
    public int[] Labels { get; } = new int[capacity];

    /// <summary>[capacity], as the images have them.</summary>
    public float[] Weights { get; } = new float[capacity];

    /// <summary>[capacity], which image of the batch each one is mixed with: itself where it is not.</summary>
    public int[] Partners { get; } = new int[capacity];

    /// <summary>[capacity], how much of each image is its own, in (0, 1]; the rest is its partner's.</summary>
    public float[] Shares { get; } = new float[capacity];

    /// <summary>Images in it.</summary>
    public int Count { get; set; }

    public Span<float> Image(int n) => Pixels.AsSpan(n * imageSize, imageSize);
}

/// <summary>
/// Reads, augments and scales the images of an epoch on a thread of its own, some batches ahead of whoever takes them. An
/// epoch's images are divided into batches of nearly equal size. Once an epoch has begun, nothing is allocated.
/// </summary>
internal sealed class BatchLoader : IDisposable
{
    /// <summary>One batch in use, one ready and one in the making.</summary>
    private const int BatchesHeld = 3;

    private readonly InputScaling _scaling;
    private readonly Augmentation? _augmentation;
    private readonly int _batchSize;
    private readonly Communicator _ranks;
    private readonly float[] _pixels;
    private readonly LoadedBatch[] _ring;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private bool _isStarted;

    // Guarded by the gate.
    private ImageSequence? _sequence;
    private int _epoch;
    private bool _augments;
    private int _first;
    private int _loaded;
    private int _taken;
    private Exception? _failure;
    private bool _stopping;

    /// <param name="scaling">How pixels become the network's input.</param>
    /// <param name="augmentation">Random changes; null for none.</param>
    /// <param name="batchSize">Most images in a batch.</param>
    /// <param name="ranks">Those who load its other images.</param>
    public BatchLoader(InputScaling scaling, Augmentation? augmentation, int batchSize, Communicator ranks)
    {
        _scaling = scaling;
        _augmentation = augmentation;
        _batchSize = batchSize;
        _ranks = ranks;
        _pixels = new float[scaling.Shape.Size];
        _ring = [.. Enumerable.Range(0, BatchesHeld).Select(_ => new LoadedBatch(batchSize, scaling.Shape.Size))];
        _thread = new Thread(Serve) { IsBackground = true, Name = "Kfac batch loader" };
    }

    /// <summary>Bytes that one takes.</summary>
    public static long BytesFor(ImageShape shape, int batchSize) => (BatchesHeld * (long)batchSize + 1) * shape.Size * sizeof(float);

    /// <summary>How many batches an epoch has.</summary>
    public int BatchCount(ImageSequence sequence) => (sequence.Count + _batchSize - 1) / _batchSize;

    /// <summary>The image that a batch of an epoch begins with: how many are in those before it.</summary>
    public static int FirstImage(int batch, int images, int batches) => (int)((long)batch * images / batches);

    /// <summary>Begins an epoch; all batches of the one before must have been taken.</summary>
    /// <param name="sequence">Whose images.</param>
    /// <param name="epoch">0 for the first.</param>
    /// <param name="augments">Whether they are augmented, if anything is.</param>
    /// <param name="first">The batch to begin with, 0 being the epoch's first.</param>
    public void Begin(ImageSequence sequence, int epoch, bool augments, int first = 0)
    {
        lock (_gate)
        {
            (_sequence, _epoch, _augments, _first, _loaded, _taken) = (sequence, epoch, augments, first, first, first);
            Monitor.PulseAll(_gate);
        }

        if (!_isStarted)
        {
            _thread.Start();
            _isStarted = true;
        }
    }

    /// <summary>The epoch's next batch, valid until the next call.</summary>
    /// <remarks>What reading the images throws is thrown here.</remarks>
    public LoadedBatch Take()
    {
        lock (_gate)
        {
            _taken++;
            Monitor.PulseAll(_gate);
            while (_loaded < _taken && _failure is null)
            {
                Monitor.Wait(_gate);
            }

            if (_loaded < _taken)
            {
                ExceptionDispatchInfo.Throw(_failure!);
            }

            return _ring[(_taken - 1) % BatchesHeld];
        }
    }

    /// <summary>Ends the thread, after the image it is reading.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        if (_isStarted)
        {
            _thread.Join();
        }
    }

    private void Serve()
    {
        try
        {
            while (WaitForEpoch() is { } sequence)
            {
                LoadEpoch(sequence);
            }
        }
        catch (Exception failure)
        {
            lock (_gate)
            {
                _failure = failure;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private ImageSequence? WaitForEpoch()
    {
        lock (_gate)
        {
            while (_sequence is null && !_stopping)
            {
                Monitor.Wait(_gate);
            }

            ImageSequence? sequence = _stopping ? null : _sequence;
            _sequence = null;
            return sequence;
        }
    }

    private void LoadEpoch(ImageSequence sequence)
    {
        int batches = BatchCount(sequence);
        sequence.Begin(_epoch, Start(_first), _ranks.Size == 1 ? null : IsOwn);
        for (int batch = _first; batch < batches && WaitForRoom(batch); batch++)
        {
            LoadedBatch loaded = _ring[batch % BatchesHeld];
            loaded.Count = Start(batch + 1) - Start(batch);
            ExampleRange own = new BatchPartition(loaded.Count, _ranks).Own;
            for (int n = 0; n < loaded.Count && !Volatile.Read(ref _stopping); n++)
            {
                LoadImage(sequence, loaded, n, own);
            }

            if (_augments && _augmentation?.Mixing is { } mixing)
            {
                MixPairs(mixing, loaded, Start(batch), own);
            }

            lock (_gate)
            {
                _loaded = batch + 1;
                Monitor.PulseAll(_gate);
            }
        }

        int Start(int batch) => FirstImage(batch, sequence.Count, batches);

        bool IsOwn(int position)
        {
            int batch = (int)(((position + 1L) * batches - 1) / sequence.Count), n = position - Start(batch);
            ExampleRange own = new BatchPartition(Start(batch + 1) - Start(batch), _ranks).Own;
            return own.First <= n && n < own.End;
        }
    }

    /// <summary>The batch that was taken last is in use; there is room beside it.</summary>
    private bool WaitForRoom(int batch)
    {
        lock (_gate)
        {
            while (batch >= Math.Max(0, _taken - 1) + BatchesHeld && !_stopping)
            {
                Monitor.Wait(_gate);
            }

            return !_stopping;
        }
    }

    private void LoadImage(ImageSequence sequence, LoadedBatch batch, int n, ExampleRange own)
    {
        bool isOwn = own.First <= n && n < own.End;
        int index = sequence.Next(_pixels, isOwn, out batch.Labels[n], out batch.Weights[n]);
        (batch.Partners[n], batch.Shares[n]) = (n, 1);
        if (!isOwn)
        {
            return;
        }

        if (_augments && _augmentation is not null)
        {
            _augmentation.Apply(_pixels, _epoch, index);
        }

        _scaling.Apply(_pixels, batch.Image(n));
    }

    /// <summary>Mixes neighbours of a slice: they are on one rank, whatever the number of ranks.</summary>
    private void MixPairs(ImageMixing mixing, LoadedBatch batch, int position, ExampleRange own)
    {
        var partition = new BatchPartition(batch.Count, Communicator.Solo);
        for (int slice = 0; slice < partition.SliceCount; slice++)
        {
            for (int n = partition.SliceStart(slice); n + 1 < partition.SliceStart(slice + 1); n += 2)
            {
                Mixture mixture = mixing.Draw(_epoch, position + n);
                (batch.Partners[n], batch.Partners[n + 1]) = (n + 1, n);
                batch.Shares[n] = batch.Shares[n + 1] = mixture.Share;
                if (own.First <= n && n < own.End)
                {
                    mixing.Apply(mixture, batch.Image(n), batch.Image(n + 1));
                }
            }
        }
    }
}
