using WebClassifier;

if (args is ["load", var url, .. var pictures] && pictures.Length > 0)
{
    return await LoadTest.RunAsync(new Uri(url), pictures);
}

if (args is not [var model, ..] || !File.Exists(model))
{
    Console.Error.WriteLine("Serves an image classifier: give a model file, as `kfac train DIR --model model.zip` writes it, and if you like --urls http://localhost:5000.");
    Console.Error.WriteLine("With `load URL PICTURE…` it is 64 clients that send these pictures to a server at once.");
    return 2;
}

await using WebApplication server = Server.Create(model, args[1..]);
await server.RunAsync();
return 0;
