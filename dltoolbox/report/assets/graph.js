// The graph: drawn once in bands of rows, moved by one transform. Only bands in sight are rendered.

const BAND = 800; // height of a band in units of the drawing
const MOST = 4; // zoom
const READABLE = 0.8, SIZED = 0.7, NAMED = 0.45; // zoom at which text is easy to read, at which all is drawn, and names are
const UPWARDS = 9; // how far a connection that leads up stays beside those that lead down
const MARGIN = 16; // around the drawing on paper, about half of what lies between rows
const [WIDTH, HEIGHT] = drawing.box;

const canvas = byId("canvas");
const svg = canvas.firstElementChild;
const scene = draw("g", { id: "scene" });
const ruler = document.createElement("canvas").getContext("2d");
const view = { k: 1, x: 0, y: 0, detail: "", pending: false };
const nodes = []; // element per layer
const lines = []; // element per connection
const bands = []; // {group, top, bottom, shown}

function drawGraph() {
  svg.append(draw("defs", {}, ...["data", "indices", "size", "cycle", "chosen"].map(arrow)), scene);
  connections.forEach((one, i) => lines.push(line(one, i)));
  layers.forEach((layer, i) => nodes.push(node(layer, drawing.centres[i])));
  lines.forEach((one, i) => band(drawing.routes[i]).lines.append(one));
  nodes.forEach((one, i) => band(drawing.centres[i]).nodes.append(one));
  drawLegend();
  listen();
}

function arrow(kind) {
  return draw("marker", { id: `arrow-${kind}`, class: `arrow ${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7,
    markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" }, draw("path", { d: "M0 0.5L8 4L0 7.5z" }));
}

/** The band of a node or a route; what is longer than a band is in one of its own. */
function band(points) {
  const ys = points.filter((_, i) => i % 2);
  const top = Math.min(...ys) - HEIGHT, bottom = Math.max(...ys) + HEIGHT;
  const number = bottom - top > BAND ? `${top} ${bottom}` : Math.floor((top + HEIGHT) / BAND);
  let found = bands.find((one) => one.number === number);
  if (!found) {
    found = { number, top, bottom, shown: true, lines: draw("g"), nodes: draw("g") };
    found.group = draw("g", { id: `band-${bands.length}` }, found.lines, found.nodes);
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
  const group = draw("g", { class: `node ${fault}`, id: `node-${layer.index}`, role: "option", "aria-selected": "false",
    "aria-label": `${layer.name}, ${layer.type}, ${size}${fault ? `, has ${fault}s` : ""}`, "data-index": layer.index,
    "data-kind": kinds[layer.index - 1], transform: `translate(${x - WIDTH / 2} ${y - HEIGHT / 2})` },
    draw("title", {}, about),
    draw("rect", { class: "box", width: WIDTH, height: HEIGHT, rx: 5 }),
    draw("path", { class: "stripe", d: `M5 0H6V${HEIGHT}H5A5 5 0 0 1 0 ${HEIGHT - 5}V5A5 5 0 0 1 5 0z` }),
    draw("text", { class: "name", x: 14, y: 17 }, cropped(layer.name, "600 13px")),
    draw("text", { class: "type", x: 14, y: 32 }, cropped(layer.type, "10.5px")));
  if (fault) {
    group.append(draw("circle", { class: "badge", cx: WIDTH - 2, cy: 2, r: 8 }),
      draw("text", { class: "mark", x: WIDTH - 2, y: 6 }, "!"));
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
  const kind = drawing.cyclic.includes(number) ? "cycle" : connection.kind;
  const points = drawing.routes[number];
  const aside = points[1] > points.at(-1) ? UPWARDS : { data: 0, indices: -5, size: 5 }[connection.kind];
  const group = draw("g", { class: `edge ${kind}`, "data-number": number },
    draw("path", { d: way(points, aside), "marker-end": `url(#arrow-${kind})` }));
  const source = layers[byName.get(connection.source) - 1];
  const first = leaving[source.index - 1].filter((i) => connections[i].sourcePort === connection.sourcePort)
    .sort((a, b) => length(a) - length(b))[0];
  if (kind === "data" && first === number) group.append(sizeLabel(source, connection, points));
  return group;
}

function length(number) {
  const points = drawing.routes[number];
  return Math.abs(points.at(-1) - points[1]) + Math.abs(points.at(-2) - points[0]);
}

/** The size that a connection carries, at its beginning, on the side to which no connection of the layer leads. */
function sizeLabel(source, connection, points) {
  const dims = source.outputs.find((port) => port.port === connection.sourcePort)?.dims;
  const left = leaving[source.index - 1].some((i) => drawing.routes[i][2] > drawing.routes[i][0]);
  const y = points[1] + (points[0] === points[2] ? (points[3] - points[1]) / 2 : 10);
  return draw("text", { class: "size", x: points[0] + (left ? -8 : 8), y: Math.min(y, points[1] + 20) + 3,
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
  if (drawing.cyclic.length) styles.push(["cycle", "on a cycle"]);
  const sample = (kind) => draw("svg", { class: `edge ${kind}`, width: 26, height: 10, "aria-hidden": "true" },
    draw("path", { d: "M1 5H25" }));
  byId("legend").append(
    ...present.map((kind) => make("li", {}, make("i", { class: "swatch", "data-kind": kind }), kind)),
    ...styles.map(([kind, text]) => make("li", {}, sample(kind), text)));
}

// View -------------------------------------------------------------------------------------------------------------------

function moveTo(k, x, y) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const margin = 60;
  view.k = bounded(k);
  view.x = Math.min(width - margin, Math.max(margin - drawing.size[0] * view.k, x));
  view.y = Math.min(height - margin, Math.max(margin - drawing.size[1] * view.k, y));
  if (!view.pending) {
    view.pending = true;
    requestAnimationFrame(show);
  }
}

function show() {
  view.pending = false;
  scene.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
  setDetail(view.k);
  const top = -view.y / view.k, bottom = (canvas.clientHeight - view.y) / view.k;
  for (const one of bands) {
    const shown = one.bottom > top && one.top < bottom;
    if (shown !== one.shown) one.group.style.display = shown ? "" : "none";
    one.shown = shown;
  }
}

/** How much is drawn: everything, names, or coloured boxes. */
function setDetail(scale) {
  const detail = scale >= SIZED ? "full" : scale >= NAMED ? "names" : "boxes";
  if (view.detail === detail) return;
  view.detail = detail;
  for (const one of bands) one.group.dataset.detail = detail;
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const k = bounded(view.k * factor);
  moveTo(k, x - (x - view.x) * k / view.k, y - (y - view.y) * k / view.k);
}

function bounded(k) {
  return Math.min(MOST, Math.max(Math.min(0.1, whole() / 2), k));
}

/** The zoom at which the whole graph is seen. */
function whole() {
  return Math.min((canvas.clientWidth - 40) / Math.max(1, drawing.size[0]),
    (canvas.clientHeight - 40) / Math.max(1, drawing.size[1]));
}

function fit() {
  const k = Math.min(1.2, whole());
  moveTo(k, (canvas.clientWidth - drawing.size[0] * k) / 2, Math.max(20, (canvas.clientHeight - drawing.size[1] * k) / 2));
}

/** All of a small graph, or the top of a large one at a readable size, with the first layer in sight. */
function start() {
  if (whole() >= READABLE || !layers.length) return fit();
  const width = canvas.clientWidth;
  const k = Math.max(SIZED, Math.min(1, (width - 40) / drawing.size[0]));
  const [first] = drawing.centres[0];
  const free = width - drawing.size[0] * k;
  const left = free > 0 ? free / 2 : Math.max(free - 20, Math.min(20, width / 2 - first * k));
  const besideTools = left + (first + WIDTH / 2) * k < width - 140;
  moveTo(k, left, besideTools ? 24 : 60);
}

/** Bring a layer into sight, at a size at which it can be read. */
function reveal(index) {
  const [x, y] = drawing.centres[index - 1];
  const left = view.x + x * view.k, top = view.y + y * view.k;
  const k = view.k < NAMED ? READABLE : view.k;
  const inside = left > WIDTH * k / 2 && left < canvas.clientWidth - WIDTH * k / 2 && top > HEIGHT * k
    && top < canvas.clientHeight - HEIGHT * k;
  if (k !== view.k || !inside) moveTo(k, canvas.clientWidth / 2 - x * k, canvas.clientHeight / 2 - y * k);
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
  lines.forEach((one, i) => one.classList.toggle("dim", !matches[byName.get(connections[i].source) - 1]
    && !matches[byName.get(connections[i].destination) - 1]));
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

// Input ------------------------------------------------------------------------------------------------------------------

function listen() {
  const pointers = new Map();
  let moved = false;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode ? event.deltaY * 30 : event.deltaY;
    if (event.shiftKey) return moveTo(view.k, view.x - event.deltaX, view.y - step);
    const box = canvas.getBoundingClientRect();
    zoom(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pointers.set(event.pointerId, event);
    moved = moved && pointers.size > 1;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!event.buttons) pointers.delete(event.pointerId); // it was let go outside
    if (!before || !event.buttons) return;
    if (!moved && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 4) return;
    moved = true;
    canvas.setPointerCapture(event.pointerId);
    drag(pointers, before, event);
    pointers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  canvas.addEventListener("click", (event) => {
    const found = event.target.closest(".node");
    if (found && !moved) select(Number(found.dataset.index), "graph");
    moved = false;
  });
  canvas.addEventListener("keydown", keys);
  byId("zoom-in").addEventListener("click", () => zoom(1.3));
  byId("zoom-out").addEventListener("click", () => zoom(1 / 1.3));
  byId("fit").addEventListener("click", fit);
  new ResizeObserver(() => canvas.clientWidth && moveTo(view.k, view.x, view.y)).observe(canvas);
}

/** One pointer pans; two also zoom by how far they are apart. */
function drag(pointers, before, event) {
  const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
  const share = other ? 0.5 : 1;
  moveTo(view.k, view.x + share * (event.clientX - before.clientX), view.y + share * (event.clientY - before.clientY));
  if (!other) return;
  const box = canvas.getBoundingClientRect();
  const apart = (one) => Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
  zoom(apart(event) / apart(before), (event.clientX + other.clientX) / 2 - box.left,
    (event.clientY + other.clientY) / 2 - box.top);
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = { "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: fit, Home: start,
    Enter: () => selected && openDetails() };
  if (event.key.startsWith("Arrow") && layers.length) {
    const to = selected ? neighbour(selected, event.key) : 1;
    if (to) select(to, "graph");
  } else if (actions[event.key]) actions[event.key]();
  else return;
  event.preventDefault();
}

// Print ------------------------------------------------------------------------------------------------------------------

/** The graph for paper: cut between rows into columns side by side, as many as make it largest on a page. */
function drawPages(width, height) {
  const w = drawing.size[0] + 2 * MARGIN;
  const ends = [...new Set(drawing.centres.map(([, y]) => y + HEIGHT / 2 + MARGIN))].sort((a, b) => a - b);
  let best = { scale: 0, cuts: [0, 0] };
  for (let columns = 1; columns <= 40; columns += 1) {
    const each = Math.ceil(ends.length / columns);
    const cuts = [-MARGIN, ...ends.filter((_, i) => (i + 1) % each === 0 || i + 1 === ends.length)];
    const tallest = Math.max(...cuts.slice(1).map((cut, i) => cut - cuts[i]));
    const scale = Math.min(1, width / (w * (cuts.length - 1)), height / tallest);
    if (scale > best.scale) best = { scale, cuts };
  }
  bands.forEach((one) => { one.group.style.display = ""; one.shown = true; });
  setDetail(best.scale * 1.4); // paper is finer than a screen
  byId("pages").replaceChildren(...best.cuts.slice(1).map((cut, i) => {
    const top = best.cuts[i], seen = bands.filter((one) => one.bottom > top && one.top < cut);
    return draw("svg", { viewBox: `${-MARGIN} ${top} ${w} ${cut - top}`, width: Math.floor(w * best.scale),
      height: Math.floor((cut - top) * best.scale) }, seen.map((one) => draw("use", { href: `#${one.group.id}` })));
  }));
}

function removePages() {
  byId("pages").replaceChildren();
  show();
}
