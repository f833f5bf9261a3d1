// How values are written.

const numeral = new Intl.NumberFormat("en");

/** 21690 as 21.7k. */
function short(number) {
  for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (number >= size) return digits(number / size) + unit;
  }
  return String(number);
}

/** Three digits: 1.23, 12.3, 123. */
function digits(number) {
  return number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
}

function bytes(count) {
  for (const [unit, size] of [["TB", 2 ** 40], ["GB", 2 ** 30], ["MB", 2 ** 20], ["KB", 2 ** 10]]) {
    if (count >= size) return `${digits(count / size)} ${unit}`;
  }
  return `${count} B`;
}

/** What a link to a layer leads to. */
function address(name) {
  return `#layer=${encodeURIComponent(name.toWellFormed?.() ?? name)}`;
}

function exact(number) {
  return numeral.format(number);
}

function counted(number, word) {
  return `${exact(number)} ${word}${number === 1 ? "" : "s"}`;
}

function percent(share) {
  return share === 0 ? "–" : share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

/** 28(S) × 28(S) × 8(C) × 1(B), as MATLAB prints sizes; a batch counts as one observation, and time as one step. */
function activations(dims) {
  if (!dims) return "?";
  return dims.sizes.map((size, i) => `${sizeText(size, dims.labels[i])}(${dims.labels[i]})`).join(" × ");
}

function sizeText(size, label) {
  return size ?? (label === "B" || label === "T" ? 1 : "?");
}

/** 28×28×8, 12×T: the same without the batch, for the graph. */
function compact(dims) {
  if (!dims) return "?";
  const texts = dims.sizes.map((size, i) => size ?? (dims.labels[i] === "T" ? "T" : "?"));
  return texts.filter((_, i) => dims.labels[i] !== "B").join("×");
}

/** What a layer passes on: the size of each output, or, of a layer without outputs, that of its input. */
function passedOn(layer) {
  return (layer.outputs.length ? layer.outputs : layer.inputs.slice(0, 1)).map((port) => port.dims);
}

/** The same as lines of text, with the names of the ports where there are several. */
function sizeLines(layer) {
  return passedOn(layer).map((dims, i) => portName(layer, i) + activations(dims));
}

function portName(layer, i) {
  return layer.outputs.length > 1 ? `${layer.outputs[i].port} ` : "";
}

function elements(layer) {
  const dims = passedOn(layer)[0];
  return dims ? dims.sizes.reduce((product, size) => product * (size ?? 1), 1) : -1;
}

function field(receptive) {
  if (!receptive) return "–";
  return receptive.whole ? "all" : receptive.size.join("×");
}

/** "error", "warning" or "". */
function severity(layer) {
  const found = layer.issues.map((i) => analysis.issues[i].severity);
  return found.includes("error") ? "error" : found.includes("warning") ? "warning" : "";
}
