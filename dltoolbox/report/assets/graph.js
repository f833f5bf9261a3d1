// The graph: drawn once in bands of rows, of which only those in sight are rendered.

const BAND = 800; // height of a band in units of the drawing
const UPWARDS = 9; // how far a connection that leads up stays beside those that lead down
const [WIDTH, HEIGHT] = drawing.box;

const canvas = byId("canvas");
const svg = canvas.firstElementChild;
const scene = shape("g", { id: "scene", role: "none" });
const ruler = document.createElement("canvas").getContext("2d");
const cyclic = new Set(drawing.cyclic);
const nodes = []; // element per layer
const lines = []; // element per connection
const sizes = []; // element per connection that tells a size, by its number
const bands = []; // {group, top, bottom, shown}

function drawGraph() {
  svg.append(shape("defs", {}, ...["data", "indices", "size", "cycle", "chosen"].map(arrow)), scene);
  connections.forEach((one, i) => {
    lines.push(line(one, i));
    if (isSized(one, i)) sizes[i] = sizeLabel(one, drawing.routes[i]);
  });
  layers.forEach((layer, i) => nodes.push(node(layer, drawing.centres[i])));
  lines.forEach((one, i) => band(drawing.routes[i]).lines.append(one));
  sizes.forEach((one, i) => band(drawing.routes[i]).sizes.append(one));
  nodes.forEach((one, i) => band(drawing.centres[i]).nodes.append(one));
  drawLegend();
  listen();
}

function arrow(kind) {
  return shape("marker", { id: `arrow-${kind}`, class: `arrow ${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7,
    markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" }, shape("path", { d: "M0 0.5L8 4L0 7.5z" }));
}

/** The band of a node or a route; what is longer than a band is in one of its own. */
function band(points) {
  const ys = points.filter((_, i) => i % 2);
  const top = Math.min(...ys) - HEIGHT, bottom = Math.max(...ys) + HEIGHT;
  const number = bottom - top > BAND ? `${top} ${bottom}` : Math.floor((top + HEIGHT) / BAND);
  let found = bands.find((one) => one.number === number);
  if (!found) {
    found = { number, top, bottom, shown: true, lines: shape("g", { "aria-hidden": "true" }),
      sizes: shape("g", { "aria-hidden": "true" }), nodes: shape("g", { role: "none" }) };
    found.group = shape("g", { id: `band-${bands.length}`, role: "none" }, found.lines, found.sizes, found.nodes);
    scene.append(found.group);
    bands.push(found);
  }
  found.top = Math.min(found.top, top);
  found.bottom = Math.max(found.bottom, bottom);
  return found;
}

function node(layer, [x, y]) {
  const fault = severity(layer);
  const size = passedOn(layer).map(compact)[0] ?? "";
  const about = `${layer.index}  ${layer.name}\n${layer.type}\n${sizeLines(layer).join("\n")}`;
  const group = shape("g", { class: `node ${fault}`, id: `node-${layer.index}`, role: "option", "aria-selected": "false",
    "aria-label": `${layer.name}, ${layer.type}, ${size}${fault ? `, has ${fault}s` : ""}`, "data-index": layer.index,
    "data-kind": kinds[layer.index - 1], transform: `translate(${x - WIDTH / 2} ${y - HEIGHT / 2})` },
    shape("title", {}, about),
    shape("rect", { class: "box", width: WIDTH, height: HEIGHT, rx: 5 }),
    shape("path", { class: "stripe", d: `M5 0H6V${HEIGHT}H5A5 5 0 0 1 0 ${HEIGHT - 5}V5A5 5 0 0 1 5 0z` }),
    shape("text", { class: "name", x: 14, y: 17 }, cropped(layer.name, "600 13px")),
    shape("text", { class: "type", x: 14, y: 32 }, cropped(layer.type, "10.5px")));
  if (fault) {
    group.append(shape("circle", { class: "badge", cx: WIDTH - 2, cy: 2, r: 8 }),
      shape("text", { class: "mark", x: WIDTH - 2, y: 6 }, "!"));
  }
  return group;
}

/** Text that fits into a node in a font such as "12px". */
function cropped(text, font) {
  const room = WIDTH - 22;
  ruler.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  if (ruler.measureText(text).width <= room) return text;
  let kept = Math.floor(text.length * room / ruler.measureText(text).width) + 1;
  while (kept > 1 && ruler.measureText(`${text.slice(0, kept)}…`).width > room) kept -= 1;
  return `${text.slice(0, kept)}…`;
}

function line(connection, number) {
  const kind = cyclic.has(number) ? "cycle" : connection.kind;
  const points = drawing.routes[number];
  const aside = points[1] > points.at(-1) ? UPWARDS : { data: 0, indices: -5, size: 5 }[connection.kind];
  return shape("g", { class: `edge ${kind}` },
    shape("path", { d: way(points, aside), "marker-end": `url(#arrow-${kind})` }));
}

function reach(number) {
  const points = drawing.routes[number];
  return Math.abs(points.at(-1) - points[1]) + Math.abs(points.at(-2) - points[0]);
}

/** Whether the size that is passed on stands at a connection: at the shortest one of each output. */
function isSized(connection, number) {
  const { source, sourcePort, kind } = connection;
  const alike = leaving[byName.get(source) - 1].filter((i) => connections[i].sourcePort === sourcePort);
  return kind === "data" && !cyclic.has(number) && alike.sort((a, b) => reach(a) - reach(b))[0] === number;
}

/** The size at the beginning of a connection, on the side to which no connection of the layer leads. */
function sizeLabel(connection, points) {
  const source = layers[byName.get(connection.source) - 1];
  const dims = source.outputs.find((port) => port.port === connection.sourcePort)?.dims;
  const left = leaving[source.index - 1].some((i) => drawing.routes[i][2] > drawing.routes[i][0]);
  const y = points[1] + (points[0] === points[2] ? (points[3] - points[1]) / 2 : 10);
  return shape("text", { class: "dims", x: points[0] + (left ? -8 : 8), y: Math.min(y, points[1] + 20) + 3,
    "text-anchor": left ? "end" : "start" }, compact(dims));
}

/** The path through points: straight along x, else a swing with vertical ends. */
function way(points, aside) {
  let path = `M${points[0] + aside} ${points[1]}`;
  for (let i = 2; i < points.length; i += 2) {
    const [x0, y0, x1, y1] = points.slice(i - 2, i + 2);
    const middle = (y0 + y1) / 2;
    path += x0 === x1 || y0 === y1 ? `L${x1 + aside} ${y1}`
      : `C${x0 + aside} ${middle} ${x1 + aside} ${middle} ${x1 + aside} ${y1}`;
  }
  return path;
}

function drawLegend() {
  const present = [...new Set(kinds)];
  const styles = [["indices", "indices of the maxima"], ["size", "size before pooling"]].filter(
    ([kind]) => connections.some((one) => one.kind === kind));
  if (cyclic.size) styles.push(["cycle", "on a cycle"]);
  const sample = (kind) => shape("svg", { class: `edge ${kind}`, width: 26, height: 10, "aria-hidden": "true" },
    shape("path", { d: "M1 5H25" }));
  byId("legend").append(
    ...present.map((kind) => make("li", {}, make("i", { class: "swatch", "data-kind": kind }), kind)),
    ...styles.map(([kind, text]) => make("li", {}, sample(kind), text)));
}

// Selection --------------------------------------------------------------------------------------------------------------

function markNode(index, on) {
  nodes[index - 1].classList.toggle("chosen", on);
  nodes[index - 1].setAttribute("aria-selected", String(on));
  for (const i of [...entering[index - 1], ...leaving[index - 1]]) {
    lines[i].classList.toggle("chosen", on);
    if (on) lines[i].parentNode.append(lines[i]); // above the others
  }
  if (on) canvas.setAttribute("aria-activedescendant", `node-${index}`);
  else canvas.removeAttribute("aria-activedescendant");
}

function dimNodes(matches) {
  nodes.forEach((one, i) => one.classList.toggle("dim", !matches[i]));
  connections.forEach((one, i) => {
    const dim = ![one.source, one.destination].some((name) => matches[byName.get(name) - 1]);
    lines[i].classList.toggle("dim", dim);
    sizes[i]?.classList.toggle("dim", dim);
  });
}

/** The layer in the direction of an arrow key: along a connection, or beside in the same row. */
function neighbour(index, key) {
  const [x, y] = drawing.centres[index - 1];
  const row = () => layers.map((one) => one.index).filter((i) => drawing.centres[i - 1][1] === y);
  const others = {
    ArrowDown: () => leaving[index - 1].map((i) => byName.get(connections[i].destination)),
    ArrowUp: () => entering[index - 1].map((i) => byName.get(connections[i].source)),
    ArrowLeft: () => row().filter((i) => drawing.centres[i - 1][0] < x),
    ArrowRight: () => row().filter((i) => drawing.centres[i - 1][0] > x),
  }[key]();
  const distance = (i) => Math.abs(drawing.centres[i - 1][1] - y) * 1e4 + Math.abs(drawing.centres[i - 1][0] - x);
  return others.sort((a, b) => distance(a) - distance(b))[0];
}
