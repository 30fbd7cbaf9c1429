using Kfac.Models;

namespace MLNetKfac.Reports;

/// <summary>The worst mistakes with their pictures and probabilities, and where the model looked.</summary>
internal static class Gallery
{
    private const int ShownGuesses = 3;

    public static Html Write(TestResult result, int count)
    {
        TestedPicture[] pictures = [.. result.Worst.Take(count)];
        bool hasMistakes = pictures.Any(picture => picture.IsMistake);
        string words = hasMistakes
            ? "The mistakes with the largest loss: those the model was surest of. Look for wrong labels among them."
            : "No picture was taken for one of another class. These are the ones with the largest loss.";
        return Html.Of($"""
            <p>{words}</p>
            <ol class="gallery">{pictures.Where(picture => picture.IsMistake == hasMistakes).Select(picture => Card(result, picture))}</ol>
            """);
    }

    /// <summary>Pictures beside their maps.</summary>
    public static Html WriteHeatMaps(TestResult result, ImageClassifier classifier, int count, int threads)
    {
        using var occlusion = new Occlusion(classifier, threads);
        return Html.Of($"""
            <p>A grey square was moved over each picture. The warmer a place, the more the probability of the predicted class falls when it is covered.</p>
            <ol class="gallery heat">{result.Worst.Take(count).Select(picture => Html.Of($"""
                <li><div class="pair">{Image(result, picture)}<img src="{Picture.ToDataUri(picture.Pixels, result.Shape, occlusion.Map(picture))}" width="{result.Shape.Width}" height="{result.Shape.Height}" alt="Where covering lowers the probability of {result.ClassNames[picture.Predicted]}"/></div>
                <p class="name">{picture.Name}</p><p>{Verdict(result, picture)} with {picture.Probabilities[picture.Predicted]:P1}</p></li>
                """))}</ol>
            """);
    }

    private static Html Card(TestResult result, TestedPicture picture)
    {
        IEnumerable<int> guesses = picture.Probabilities.Select((probability, number) => (probability, number)).OrderByDescending(guess => guess.probability).Take(ShownGuesses).Select(guess => guess.number);
        return Html.Of($"""
            <li>{Image(result, picture)}
            <p class="name">{picture.Name}</p>
            <p>{Verdict(result, picture)}</p>
            <ul>{guesses.Union([picture.Label]).Select(guess => Html.Of($"""<li class="guess {(guess == picture.Label ? "right" : "wrong")}" style="--p:{100 * picture.Probabilities[guess]:F1}%"><span>{result.ClassNames[guess]}</span><span>{picture.Probabilities[guess]:P1}</span></li>"""))}</ul></li>
            """);
    }

    private static Html Verdict(TestResult result, TestedPicture picture) => picture.IsMistake
        ? Html.Of($"<b>{result.ClassNames[picture.Label]}</b>, taken for <b>{result.ClassNames[picture.Predicted]}</b>")
        : Html.Of($"<b>{result.ClassNames[picture.Label]}</b>, taken for it");

    private static Html Image(TestResult result, TestedPicture picture) => Picture.IsVisible(result.Shape)
        ? Html.Of($"""<img src="{Picture.ToDataUri(picture.Pixels, result.Shape)}" width="{result.Shape.Width}" height="{result.Shape.Height}" alt="Picture of class {result.ClassNames[picture.Label]}"/>""")
        : Html.Nothing;
}
