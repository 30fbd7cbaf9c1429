"use strict";
// Talks to /api/model, /api/classify and /api/heatmap of the server that this page comes from, and to nobody else.
const at = id => document.getElementById(id);
const shown = 8, longestSide = 900;
let picture = null, drawn = null, model = null, heat = null, turn = 0, stream = null;

fetch("api/model").then(answer => answer.json()).then(answer => {
  model = answer;
  const names = answer.classes.slice(0, 12).join(", ") + (answer.classes.length > 12 ? ", …" : "");
  at("model").textContent = `The model knows ${answer.classes.length} classes: ${names}. It sees ${answer.width} × ${answer.height} pixels.`;
}).catch(() => say("The server does not answer.", true));

at("file").addEventListener("change", () => at("file").files.length && take(at("file").files[0]));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, event => {
    event.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", event => event.clipboardData.files.length && take(event.clipboardData.files[0]));

at("start").addEventListener("click", async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    at("camera").srcObject = stream;
    await at("camera").play();
    show("camera");
  } catch (reason) {
    say(`The camera cannot be used: ${reason.message}`, true);
  }
});
at("shoot").addEventListener("click", () => {
  const camera = at("camera"), canvas = document.createElement("canvas");
  canvas.width = camera.videoWidth;
  canvas.height = camera.videoHeight;
  canvas.getContext("2d").drawImage(camera, 0, 0);
  canvas.toBlob(blob => blob && take(blob), "image/jpeg", 0.92);
});
at("explain").addEventListener("click", async () => {
  if (at("explain").getAttribute("aria-pressed") === "true") {
    paint(false);
    return;
  }
  const mine = turn;
  try {
    say("Looking …");
    heat ??= await send("api/heatmap");
    if (mine === turn) {
      say("Warm: covering this place lowers the probability of the first class.");
      paint(true);
    }
  } catch (reason) {
    if (mine === turn) say(reason.message, true);
  }
});

async function take(blob) {
  const mine = ++turn;
  picture = blob;
  heat = null;
  at("guesses").replaceChildren();
  at("explain").disabled = true;
  say("Looking …");
  try {
    drawn = await createImageBitmap(blob).catch(() => null);
    if (mine !== turn) return;
    if (drawn) {
      paint(false);
      show("view");
    } else {
      show("hint");
    }
    const guesses = await send("api/classify");
    if (mine !== turn) return;
    say(guesses.length > shown ? `The first ${shown} of ${guesses.length} classes:` : "");
    at("guesses").replaceChildren(...guesses.slice(0, shown).map(line));
    at("explain").disabled = !drawn;
  } catch (reason) {
    if (mine === turn) say(reason.message, true);
  }
}

async function send(path) {
  if (model && picture.size > model.maxUploadBytes) throw new Error(`The picture has more than ${model.maxUploadBytes / 1e6} million bytes.`);
  const answer = await fetch(path, { method: "POST", body: picture }).catch(() => { throw new Error("The server does not answer."); });
  if (!answer.ok) throw new Error(await answer.text() || `The server answers ${answer.status}.`);
  return answer.json();
}

function line({ name, probability }) {
  const item = document.createElement("li"), bar = document.createElement("i"), left = document.createElement("span"), right = document.createElement("span");
  bar.style.width = `${100 * probability}%`;
  left.textContent = name;
  right.textContent = `${(100 * probability).toFixed(1)} %`;
  item.append(bar, left, right);
  return item;
}

function paint(withHeat) {
  const canvas = at("view"), scale = Math.min(1, longestSide / Math.max(drawn.width, drawn.height)), pen = canvas.getContext("2d");
  canvas.width = Math.max(1, Math.round(drawn.width * scale));
  canvas.height = Math.max(1, Math.round(drawn.height * scale));
  pen.drawImage(drawn, 0, 0, canvas.width, canvas.height);
  at("explain").setAttribute("aria-pressed", String(withHeat));
  if (!withHeat) return;
  // The model sees the whole picture with black at its sides: the map's margins are left out here.
  const map = new OffscreenCanvas(heat.width, heat.height), brush = map.getContext("2d"), image = brush.createImageData(heat.width, heat.height);
  heat.values.forEach((value, pixel) => image.data.set([255, 60 + 120 * (1 - value), 0, 190 * value], 4 * pixel));
  brush.putImageData(image, 0, 0);
  const fit = Math.min(heat.width / drawn.width, heat.height / drawn.height), width = drawn.width * fit, height = drawn.height * fit;
  pen.drawImage(map, (heat.width - width) / 2, (heat.height - height) / 2, width, height, 0, 0, canvas.width, canvas.height);
}

function show(what) {
  for (const id of ["view", "camera", "hint"]) at(id).hidden = id !== what;
  at("shoot").hidden = what !== "camera";
  at("start").hidden = what === "camera";
  if (what !== "camera" && stream) {
    stream.getTracks().forEach(track => track.stop());
    stream = null;
  }
}

function say(text, isError = false) {
  at("message").textContent = text;
  at("message").classList.toggle("error", isError);
}
