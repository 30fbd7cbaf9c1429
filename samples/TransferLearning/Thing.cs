using SkiaSharp;

namespace TransferLearning;

/// <summary>One thing, drawn between -1 and 1 in either direction, y downwards.</summary>
internal sealed class Thing(Random random, SKCanvas canvas, SKColor first, SKColor second)
{
    /// <summary>Names of the classes, and what draws one.</summary>
    public static IReadOnlyList<(string Name, Action<Thing> Draw)> Kinds =>
    [
        ("cup", thing => thing.Cup()), ("fish", thing => thing.Fish()), ("flower", thing => thing.Flower()), ("house", thing => thing.House()),
        ("leaf", thing => thing.Leaf()), ("mushroom", thing => thing.Mushroom()), ("tree", thing => thing.Tree()), ("umbrella", thing => thing.Umbrella()),
    ];

    private void Cup()
    {
        Stroke(second, 0.16f, path => path.AddOval(new SKRect(0.25f, -0.35f, 0.95f, 0.4f)));
        float foot = Between(0.3f, 0.6f);
        Fill(first, Polygon(-0.7f, -0.7f, 0.6f, -0.7f, foot, 0.8f, -foot - 0.1f, 0.8f));
        Fill(second, path => path.AddOval(new SKRect(-0.7f, -0.85f, 0.6f, -0.55f)));
    }

    private void Fish()
    {
        float height = Between(0.35f, 0.6f);
        Fill(second, Polygon(0.5f, 0, 1, -height, 1, height));
        Fill(first, path => path.AddOval(new SKRect(-1, -height, 0.65f, height)));
        Fill(second, Polygon(-0.2f, -height * 0.8f, 0.3f, -height * 0.8f, 0.1f, -height - 0.3f));
        Fill(SKColors.White, path => path.AddCircle(-0.65f, -height / 4, 0.12f));
        Fill(SKColors.Black, path => path.AddCircle(-0.67f, -height / 4, 0.06f));
    }

    private void Flower()
    {
        Stroke(SKColors.DarkGreen, 0.1f, path => path.AddPoly([new SKPoint(0, 0), new SKPoint(Between(-0.3f, 0.3f), 1)], close: false));
        int petals = random.Next(5, 9);
        float length = Between(0.35f, 0.5f);
        for (int petal = 0; petal < petals; petal++)
        {
            canvas.Save();
            canvas.Translate(0, -0.3f);
            canvas.RotateDegrees(360f / petals * petal);
            Fill(first, path => path.AddOval(new SKRect(-0.17f, -0.15f - length, 0.17f, -0.05f)));
            canvas.Restore();
        }

        Fill(second, path => path.AddCircle(0, -0.3f, 0.2f));
    }

    private void House()
    {
        float eaves = Between(-0.3f, 0);
        Fill(first, path => path.AddRect(new SKRect(-0.7f, eaves, 0.7f, 0.9f)));
        Fill(second, Polygon(-0.95f, eaves, 0.95f, eaves, Between(-0.3f, 0.3f), -0.95f));
        Fill(second, path => path.AddRect(new SKRect(-0.15f, 0.35f, 0.15f, 0.9f)));
        Fill(SKColors.LightYellow, path => path.AddRect(new SKRect(-0.55f, 0.2f, -0.28f, 0.5f)));
        Fill(SKColors.LightYellow, path => path.AddRect(new SKRect(0.28f, 0.2f, 0.55f, 0.5f)));
    }

    private void Leaf()
    {
        float width = Between(0.45f, 0.75f);
        Fill(first, path =>
        {
            path.MoveTo(0, -1);
            path.QuadTo(width * 1.6f, -0.1f, 0, 0.75f);
            path.QuadTo(-width * 1.6f, -0.1f, 0, -1);
        });
        Stroke(second, 0.06f, path => path.AddPoly([new SKPoint(0, -0.9f), new SKPoint(0, 1)], close: false));
        for (float y = -0.5f; y < 0.6f; y += 0.25f)
        {
            float at = y, reach = width * 0.55f;
            Stroke(second, 0.04f, path => path.AddPoly([new SKPoint(-reach, at - 0.2f), new SKPoint(0, at), new SKPoint(reach, at - 0.2f)], close: false));
        }
    }

    private void Mushroom()
    {
        Fill(SKColors.Bisque, path => path.AddRoundRect(new SKRect(-0.2f, -0.1f, 0.2f, 0.95f), 0.1f, 0.1f));
        float rim = Between(0, 0.2f);
        Fill(first, path => path.AddArc(new SKRect(-0.85f, -0.9f, 0.85f, 0.6f + rim), 180, 180));
        for (int dot = random.Next(3, 7); dot > 0; dot--)
        {
            Fill(second, path => path.AddCircle(Between(-0.55f, 0.55f), Between(-0.55f, -0.25f), Between(0.06f, 0.13f)));
        }
    }

    private void Tree()
    {
        Fill(SKColors.SaddleBrown, path => path.AddRect(new SKRect(-0.13f, 0.2f, 0.13f, 1)));
        bool isFir = random.Next(2) == 0;
        for (int layer = 0; layer < 3; layer++)
        {
            float y = 0.4f - 0.45f * layer, half = 0.8f - 0.2f * layer;
            Fill(layer == 1 ? second : first, isFir ? Polygon(-half, y, half, y, 0, y - 0.7f) : path => path.AddCircle(Between(-0.3f, 0.3f), y - 0.35f, half * 0.65f));
        }
    }

    private void Umbrella()
    {
        Stroke(second, 0.07f, path =>
        {
            path.MoveTo(0, -0.8f);
            path.LineTo(0, 0.8f);
            path.ArcTo(new SKRect(-0.3f, 0.6f, 0, 1), 0, 180, forceMoveTo: false);
        });
        Fill(first, path => path.AddArc(new SKRect(-0.95f, -0.85f, 0.95f, 0.75f), 180, 180));
        int ribs = random.Next(3, 6);
        for (int rib = 0; rib < ribs; rib++)
        {
            float width = 1.9f / ribs, left = -0.95f + rib * width;
            Fill(rib % 2 == 0 ? second : first, path => path.AddArc(new SKRect(left, -0.2f, left + width, 0.1f), 180, 180));
        }
    }

    private static Action<SKPath> Polygon(params float[] coordinates) =>
        path => path.AddPoly([.. coordinates.Chunk(2).Select(pair => new SKPoint(pair[0], pair[1]))]);

    private void Fill(SKColor colour, Action<SKPath> add) => Paint(new SKPaint { Color = colour, IsAntialias = true }, add);

    private void Stroke(SKColor colour, float width, Action<SKPath> add) =>
        Paint(new SKPaint { Color = colour, IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = width }, add);

    private void Paint(SKPaint paint, Action<SKPath> add)
    {
        using (paint)
        {
            using SKPath path = new();
            add(path);
            canvas.DrawPath(path, paint);
        }
    }

    private float Between(float least, float most) => least + (most - least) * random.NextSingle();
}
