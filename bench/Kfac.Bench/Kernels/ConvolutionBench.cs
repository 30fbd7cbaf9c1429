using Kfac.Kernels;

namespace Kfac.Bench.Kernels;

/// <summary>The passes of one convolution over a whole batch, examples dealt out to the threads.</summary>
internal sealed unsafe class ConvolutionBench
{
    private readonly ConvolutionKernel _kernel;
    private readonly ConvolutionGeometry _g;
    private readonly int _batch;
    private readonly Images _x, _y, _dx, _dy;
    private readonly AlignedBuffer _packedForward, _packedBackward, _bias;
    private readonly Worker[] _workers;

    public ConvolutionBench(ConvolutionGeometry g, int batch, int threads, InstructionSet isa, int? together, bool winograd)
    {
        (_g, _batch) = (g, batch);
        _kernel = new ConvolutionKernel(g, isa, winograd);
        Together = together ?? _kernel.PreferredExamples;
        _x = new Images(g.H, g.W, g.C, batch, _kernel.InputHalo, seed: 1);
        _y = new Images(g.OutH, g.OutW, g.K, batch, default, seed: 2);
        _dx = new Images(g.H, g.W, g.C, batch, default, seed: 3);
        _dy = new Images(g.OutH, g.OutW, g.K, batch, _kernel.OutputGradientHalo, seed: 4);
        _packedForward = new AlignedBuffer(_kernel.PackedForwardLength);
        _packedBackward = new AlignedBuffer(_kernel.PackedBackwardLength);
        _bias = new AlignedBuffer(g.K);
        AlignedBuffer filter = new(g.PatchLength * g.K);
        Images.Fill(filter.Span, 5);
        _kernel.PackForward(filter.Pointer, _packedForward.Pointer);
        _kernel.PackBackward(filter.Pointer, _packedBackward.Pointer);
        _workers = [.. Enumerable.Range(0, threads).Select(_ => new Worker(g, _kernel.ScratchLength))];
    }

    public int Together { get; }

    public string Name => $"conv {_g.R}x{_g.S} {_g.C}-{_g.K} @{_g.OutH}x{_g.OutW}{(_kernel.UsesWinograd ? " winograd" : "")}";

    public IEnumerable<KernelPass> Passes =>
    [
        new(Name, "forward", 2.0 * _g.MultiplyAdds * _batch, Forward),
        .. _g.C < 4 ? Array.Empty<KernelPass>() : [new(Name, "backward-data", 2.0 * _g.MultiplyAdds * _batch, BackwardData)],
        new(Name, "backward-filter", 2.0 * _g.MultiplyAdds * _batch, worker => BackwardFilter(worker, false)),
        new(Name, "backward-filter+Fisher", 2.0 * _g.MultiplyAdds * _batch, worker => BackwardFilter(worker, true)),
    ];

    private void Forward(int worker)
    {
        Worker w = _workers[worker];
        for (int n = worker * Together; n < _batch; n += _workers.Length * Together)
            _kernel.Forward(
                Batch(_x, n), _packedForward.Pointer, _bias.Pointer, true, Batch(_y, n), w.Scratch.Pointer, w.Expect(_y, n, _x, n + (_workers.Length * Together), Together));
    }

    private void BackwardData(int worker)
    {
        Worker w = _workers[worker];
        for (int n = worker * Together; n < _batch; n += _workers.Length * Together)
            _kernel.BackwardData(
                Batch(_dy, n), _packedBackward.Pointer, Batch(_dx, n), default, w.Scratch.Pointer, w.Expect(_dx, n, _dy, n + (_workers.Length * Together), Together));
    }

    private void BackwardFilter(int worker, bool squares)
    {
        Worker w = _workers[worker];
        FilterGradientTarget sums = squares
            ? new(w.Gradient.Pointer, w.Squares.Pointer, w.BiasGradient.Pointer, w.BiasSquares.Pointer)
            : new(w.Gradient.Pointer, null, w.BiasGradient.Pointer, null);
        for (int n = worker * Together; n < _batch; n += _workers.Length * Together)
            _kernel.BackwardFilter(
                Batch(_x, n), Batch(_dy, n), sums, w.Scratch.Pointer,
                w.Expect(_x, n + (_workers.Length * Together), _dy, n + (_workers.Length * Together), Together));
    }

    private ImageBatch Batch(Images images, int first) => new(images[first], images.Step, Math.Min(Together, _batch - first));

    private sealed class Worker(ConvolutionGeometry g, int scratch)
    {
        public AlignedBuffer Gradient { get; } = new(g.PatchLength * g.K);

        public AlignedBuffer Squares { get; } = new(g.PatchLength * g.K);

        public AlignedBuffer BiasGradient { get; } = new(g.K);

        public AlignedBuffer BiasSquares { get; } = new(g.K);

        public AlignedBuffer Scratch { get; } = new(scratch);

        private Prefetcher Ahead { get; } = new(capacity: 2);

        /// <summary>What the kernel is told to come next: some images of one kind, then some of another.</summary>
        public Prefetcher Expect(Images first, int firstIndex, Images second, int secondIndex, int together)
        {
            Ahead.Clear();
            Ahead.Add(first[firstIndex].Origin, Math.Clamp(first.Count - firstIndex, 0, together) * first.Step);
            Ahead.Add(second[secondIndex].Origin, Math.Clamp(second.Count - secondIndex, 0, together) * second.Step);
            return Ahead;
        }
    }
}

/// <summary>A batch of images with halos, pixel (0, 0) of each on a 64-byte boundary where the channels allow it.</summary>
internal sealed unsafe class Images
{
    private readonly AlignedBuffer _memory;
    private readonly nint _row, _origin;

    public Images(int h, int w, int c, int batch, Halo halo, int seed)
    {
        _row = (halo.Left + w + halo.Right) * c;
        Step = AlignedBuffer.RoundUp((int)_row * (halo.Top + h + halo.Bottom));
        _origin = (halo.Top * _row) + (halo.Left * c);
        Count = batch;
        _memory = new AlignedBuffer((int)Step * batch);
        for (int n = 0; n < batch; n++)
            for (int i = 0; i < h; i++)
                Fill(new Span<float>(this[n].Origin + (i * _row), w * c), seed + n + i);
    }

    public nint Step { get; }

    public int Count { get; }

    public ImagePlane this[int n] => new(_memory.Pointer + (n * Step) + _origin, _row);

    public static void Fill(Span<float> values, int seed)
    {
        Random random = new(seed);
        foreach (ref float value in values)
            value = (random.NextSingle() * 2f) - 1f;
    }
}
