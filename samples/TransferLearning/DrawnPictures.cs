using SkiaSharp;

namespace TransferLearning;

/// <summary>Pictures to try the sample on, drawn by chance: eight kinds of things on changing grounds, in changing light, turned, half hidden and grainy.</summary>
internal sealed class DrawnPictures
{
    private const int Width = 200, Height = 160;

    private const float DegreesEitherWay = 35;

    private readonly Random _random;
    private readonly SKCanvas _canvas;

    private DrawnPictures(Random random, SKCanvas canvas)
    {
        (_random, _canvas) = (random, canvas);
    }

    /// <summary>Writes a folder for each class.</summary>
    /// <param name="folder">Replaced where it is there.</param>
    /// <param name="count">Pictures of each class.</param>
    /// <param name="seed">The same seed draws the same pictures.</param>
    /// <returns>The folder.</returns>
    public static string Write(string folder, int count, int seed)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Random random = new(seed);
        using SKSurface surface = SKSurface.Create(new SKImageInfo(Width, Height, SKColorType.Bgra8888, SKAlphaType.Opaque));
        foreach ((string name, Action<Thing> draw) in Thing.Kinds)
        {
            string kind = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
            for (int n = 0; n < count; n++)
            {
                new DrawnPictures(random, surface.Canvas).Draw(draw);
                using SKImage image = surface.Snapshot();
                using SKData jpeg = image.Encode(SKEncodedImageFormat.Jpeg, random.Next(40, 95));
                File.WriteAllBytes(Path.Combine(kind, $"{n + 1:000}.jpg"), jpeg.ToArray());
            }
        }

        return folder;
    }

    private void Draw(Action<Thing> draw)
    {
        FillGround();
        for (int clutter = _random.Next(6); clutter > 0; clutter--)
        {
            Blot(new SKPoint(Between(0, Width), Between(0, Height)), Between(8, 40), (byte)_random.Next(60, 220));
        }

        _canvas.Save();
        float size = Between(28, 62);
        SKPoint centre = new(Between(size, Width - size), Between(Math.Min(size, 70), Height - Math.Min(size, 70)));
        _canvas.Translate(centre);
        _canvas.RotateDegrees(Between(-DegreesEitherWay, DegreesEitherWay));
        _canvas.Scale(size * (_random.Next(2) == 0 ? -1 : 1) * Between(0.8f, 1.2f), size);
        draw(new Thing(_random, _canvas, Colour(), Colour()));
        _canvas.Restore();

        if (_random.Next(2) == 0)
        {
            Blot(centre + new SKPoint(Between(-size, size), Between(-size, size)), size / 2, 255);
        }

        Light();
        Grain();
    }

    private void FillGround()
    {
        using SKPaint paint = new();
        using (SKShader shader = SKShader.CreateLinearGradient(new SKPoint(Between(0, Width), 0), new SKPoint(Between(0, Width), Height), [Colour(), Colour()], SKShaderTileMode.Clamp))
        {
            paint.Shader = shader;
            _canvas.DrawRect(0, 0, Width, Height, paint);
        }

        paint.Shader = null;
        paint.Color = Colour().WithAlpha((byte)_random.Next(60, 200));
        float step = Between(10, 30);
        switch (_random.Next(4))
        {
            case 0: // stripes
                paint.StrokeWidth = step / 3;
                for (float x = -Height; x < Width; x += step)
                {
                    _canvas.DrawLine(x, 0, x + Between(0, 3) + Height / 2, Height, paint);
                }

                break;
            case 1: // tiles
                for (float y = 0; y < Height; y += step)
                {
                    for (float x = (int)(y / step) % 2 * step; x < Width; x += 2 * step)
                    {
                        _canvas.DrawRect(x, y, step, step, paint);
                    }
                }

                break;
            case 2: // hills
                for (int hill = 0; hill < 3; hill++)
                {
                    _canvas.DrawOval(Between(0, Width), Height, Between(40, 120), Between(20, 90), paint);
                }

                break;
        }
    }

    private void Blot(SKPoint centre, float size, byte alpha)
    {
        using SKPaint paint = new() { Color = Colour().WithAlpha(alpha), IsAntialias = true };
        if (_random.Next(2) == 0)
        {
            _canvas.DrawOval(centre.X, centre.Y, size * Between(0.4f, 1), size * Between(0.4f, 1), paint);
        }
        else
        {
            _canvas.DrawRect(centre.X - size / 2, centre.Y - size / 2, size * Between(0.4f, 1.2f), size * Between(0.4f, 1.2f), paint);
        }
    }

    /// <summary>A lamp or a shadow somewhere.</summary>
    private void Light()
    {
        SKColor light = _random.Next(2) == 0 ? SKColors.White : SKColors.Black;
        using SKShader shader = SKShader.CreateRadialGradient(
            new SKPoint(Between(0, Width), Between(0, Height)), Between(80, 220), [light.WithAlpha((byte)_random.Next(160)), light.WithAlpha(0)], SKShaderTileMode.Clamp);
        using SKPaint paint = new() { Shader = shader };
        _canvas.DrawRect(0, 0, Width, Height, paint);
    }

    private void Grain()
    {
        using SKShader shader = SKShader.CreatePerlinNoiseFractalNoise(Between(0.05f, 0.9f), Between(0.05f, 0.9f), 3, _random.Next(1000));
        using SKPaint paint = new() { Shader = shader, BlendMode = SKBlendMode.SoftLight };
        _canvas.DrawRect(0, 0, Width, Height, paint);
    }

    private float Between(float least, float most) => least + (most - least) * _random.NextSingle();

    private SKColor Colour() => SKColor.FromHsv(_random.Next(360), _random.Next(20, 95), _random.Next(25, 100));
}
