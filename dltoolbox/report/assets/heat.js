// Heat: layers coloured by how much they hold or cost, in the graph and in the table.

const MEASURES = {
  learnables: { title: "Learnables", of: (layer) => layer.learnableCount, text: short },
  adds: { title: "Multiply-adds", of: (layer) => layer.multiplyAdds, text: short },
  memory: { title: "Activation memory", of: (layer) => layer.activationBytes * batch, text: bytes },
};
// ColorBrewer's YlGnBu: brightness falls steadily, so that it can be read without telling hues apart.
const HEATS = ["#ffffd9", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84"];
const APART = 30; // times the least value from which on the scale is logarithmic
let measure = ""; // name of the measure, or "" for the colours of kinds

/** What layers hold or cost together. */
function measured(members) {
  return members.reduce((sum, layer) => sum + MEASURES[measure].of(layer), 0);
}

/** Least and largest value above 0 of what is drawn and of all layers, and whether the scale is logarithmic. */
function heatScale() {
  const values = [...layers.map((layer) => measured([layer])), ...drawing.items.map((item) => measured(membersOf(item)))]
    .filter((value) => value > 0);
  const [least, most] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 0];
  return { least, most, log: most > APART * least };
}

/** Colours of ground and text; nothing for 0. */
function heatStyle(value, { least, most, log }) {
  if (!(value > 0)) return null;
  const part = most === least ? 1 : log ? Math.log(value / least) / Math.log(most / least) : value / most;
  const place = (isDark() ? 1 - part : part) * (HEATS.length - 1);
  const at = Math.min(HEATS.length - 2, Math.floor(place));
  const [from, to] = [HEATS[at], HEATS[at + 1]].map(channels);
  const mixed = from.map((channel, i) => Math.round(channel + (to[i] - channel) * (place - at)));
  const light = mixed.map((v) => v / 255).map((v) => (v <= 0.04 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return { ground: `rgb(${mixed.join(" ")})`, ink: light > 0.179 ? "#000" : "#fff" };
}

function channels(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

function warm(element, style) {
  if (!element) return;
  element.classList.toggle("hot", Boolean(style));
  if (!style) return;
  element.style.setProperty("--heat", style.ground);
  element.style.setProperty("--ink", style.ink);
}

function showHeat() {
  const scale = measure && heatScale();
  document.body.classList.toggle("heat", Boolean(measure));
  nodes.forEach((node, i) => warm(node, measure && heatStyle(measured(membersOf(drawing.items[i])), scale)));
  const column = columns.findIndex((one) => one.key === measure);
  layers.forEach((layer, i) => {
    rows[i].querySelector(".hot")?.classList.remove("hot");
    if (measure) warm(rows[i].cells[column], heatStyle(measured([layer]), scale));
  });
  byId("scale").hidden = !measure;
  if (measure) drawScale(scale);
}

function drawScale({ least, most, log }) {
  const { title, text } = MEASURES[measure];
  const stops = isDark() ? [...HEATS].reverse() : HEATS;
  byId("scale").replaceChildren(make("span", {}, title), make("span", {}, most ? text(log ? least : 0) : "none"),
    most ? make("i", { class: "ramp", style: `background: linear-gradient(to right, ${stops.join(", ")})` }) : "",
    most ? make("span", {}, text(most)) : "", log ? make("span", {}, "(logarithmic)") : "");
}

function listenToHeat() {
  byId("measure").append(make("option", { value: "" }, "kind of layer"),
    ...Object.entries(MEASURES).map(([name, one]) => make("option", { value: name }, one.title.toLowerCase())));
  byId("measure").addEventListener("change", (event) => {
    measure = event.target.value;
    showHeat();
  });
}
