// The graph: drawn in bands of rows, of which only those in sight are rendered.

const BAND = 800; // height of a band in units of the drawing
const UPWARDS = 9; // how far a connection on a cycle that leads up stays beside those that lead down
const ASIDE = { indices: -5, size: 5 }; // how far these stay beside data
const CORNER = 12; // radius

const canvas = byId("canvas");
const svg = canvas.firstElementChild;
const scene = shape("g", { id: "scene", role: "none" });
const ruler = document.createElement("canvas").getContext("2d");
let drawing = null; // see arranged()
const nodes = []; // element per item
const lines = []; // element per wire
const sizes = []; // element per wire that tells a size, by its number
const bands = []; // {group, top, bottom, shown}
const itemAt = new Map(); // number of an item

function drawGraph() {
  svg.append(shape("defs", {}, ...["data", "indices", "size", "miniBatchSize", "cycle", "chosen"].map(arrow)), scene);
  folding = Boolean(blocks) && wholeOf(flat.size) < SMEAR;
  drawScene();
  drawLegend();
}

function drawScene() {
  drawing = arranged();
  for (const all of [nodes, lines, sizes, bands]) all.length = 0;
  itemAt.clear();
  drawing.items.forEach((item, i) => itemAt.set(item, i));
  scene.replaceChildren(shape("g", {}, drawing.frames.map(frame)));
  const sized = sizedWires(), starts = new Map();
  drawing.routes.forEach(([x, y, toX]) => starts.set(`${x} ${y}`, Math.max(toX, starts.get(`${x} ${y}`) ?? toX)));
  drawing.wires.forEach((wire, i) => {
    lines.push(line(wire, drawing.routes[i]));
    if (sized.has(i)) sizes[i] = sizeLabel(wire, drawing.routes[i], starts);
  });
  drawing.items.forEach((item, i) => nodes.push(item > 0 ? node(layers[item - 1], drawing.centres[i])
    : blockNode(-item - 1, drawing.centres[i])));
  lines.forEach((one, i) => band(drawing.routes[i]).lines.append(one));
  sizes.forEach((one, i) => band(drawing.routes[i]).sizes.append(one));
  nodes.forEach((one, i) => band(drawing.centres[i]).nodes.append(one));
  byId("fold").hidden = !blocks;
  byId("fold").textContent = folding ? "All layers" : "Blocks";
}

/** The scene again, as it is folded now, with all that is marked in it. */
function redraw() {
  drawScene();
  view.detail = "";
  show();
  if (selected) markNode(selected, true);
  if (selectedBlock >= 0) markBlock(selectedBlock, true);
  search();
  showHeat();
}

function itemOf(index) {
  return itemAt.get(shownAs(index));
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
  nameText(layer.name),
  shape("text", { class: "type", x: 14, y: 32 }, cropped(layer.type, "10.5px")));
  if (fault) group.append(...badge(fault));
  return group;
}

/** A folded block: a pile of layers, with their kinds as a stripe. */
function blockNode(number, [x, y]) {
  const { name, layers: indices } = blocks.groups[number];
  const members = indices.map((index) => layers[index - 1]);
  const faults = members.map(severity), fault = ["error", "warning"].find((one) => faults.includes(one)) ?? "";
  const text = `${counted(members.length, "layer")} · ${passedOn(members.at(-1)).map(compact)[0] ?? ""}`;
  const ofKinds = [...new Set(indices.map((index) => kinds[index - 1]))].map((kind) => (
    [kind, indices.filter((index) => kinds[index - 1] === kind).length * HEIGHT / indices.length]));
  const group = shape("g", { class: `node block ${fault}`, id: `block-${number}`, role: "option", "aria-selected": "false",
    "aria-expanded": "false", "aria-label": `${name}, block of ${text}`, "data-block": number,
    transform: `translate(${x - WIDTH / 2} ${y - HEIGHT / 2})` },
  shape("title", {}, `${name}\n${text}\nClick to unfold`),
  shape("path", { class: "pile", d: `M6 ${HEIGHT + 3}H${WIDTH + 3}V6` }),
  shape("rect", { class: "box", width: WIDTH, height: HEIGHT, rx: 5 }),
  ofKinds.map(([kind, part], i) => shape("rect", { class: "stripe", "data-kind": kind, width: 6, height: part,
    y: ofKinds.slice(0, i).reduce((sum, [, height]) => sum + height, 0) })),
  nameText(name), shape("text", { class: "type", x: 14, y: 32 }, cropped(text, "10.5px")),
  shape("path", { class: "plus", d: `M${WIDTH - 16} ${HEIGHT / 2}h8m-4 -4v8` }));
  if (fault) group.append(...badge(fault));
  return group;
}

/** The frame around an unfolded block, with a head that folds it. */
function frame({ block, x, y, width, height }) {
  const { name } = blocks.groups[block];
  return shape("g", { class: "frame", "data-block": block, transform: `translate(${x} ${y})` },
    shape("title", {}, `${name}\nClick to fold`),
    shape("rect", { class: "ground", width, height, rx: 8 }),
    shape("path", { class: "plus", d: "M10 14h8" }),
    shape("text", { class: "name", x: 24, y: 18 }, cropped(name, "600 12px", width - 40)));
}

function badge(fault) {
  return [shape("circle", { class: `badge ${fault}`, cx: WIDTH - 2, cy: 2, r: 8 }),
    shape("text", { class: "mark", x: WIDTH - 2, y: 6 }, "!")];
}

/** A name, in a smaller font where it is long; only longer ones yet are cut, in their middle. */
function nameText(name) {
  const font = [12, 11, 10, 9].find((size) => fits(name, `600 ${size + 1}px`)) ?? 9;
  return shape("text", { class: "name", x: 14, y: 17, style: font < 12 ? `font-size: ${font}px` : null },
    cropped(name, `600 ${font + 1}px`));
}

function fits(text, font, room = WIDTH - 22) {
  ruler.font = `${font} ${bodyFont}`;
  return ruler.measureText(text).width <= room;
}

const bodyFont = getComputedStyle(document.body).fontFamily;

/** Text that fits into a node in a font such as "12px", without some of its middle if need be. */
function cropped(text, font, room = WIDTH - 22) {
  if (fits(text, font, room)) return text;
  const letters = [...text];
  let kept = Math.floor(letters.length * room / ruler.measureText(text).width) + 1;
  const cut = () => `${letters.slice(0, Math.ceil(kept / 2)).join("")}…${letters.slice(letters.length - Math.floor(kept / 2))
    .join("")}`;
  while (kept > 1 && !fits(cut(), font, room)) kept -= 1;
  return cut();
}

function line({ kind }, points) {
  const upwards = kind === "cycle" && points[1] > points.at(-1);
  return shape("g", { class: `edge ${kind}` },
    shape("path", { d: way(points, upwards ? UPWARDS : ASIDE[kind] ?? 0), "marker-end": `url(#arrow-${kind})` }));
}

function reach(number) {
  const points = drawing.routes[number];
  if (!points) return Infinity;
  return Math.abs(points.at(-1) - points[1]) + Math.abs(points.at(-2) - points[0]);
}

/** The wires at which the size that is passed on stands: the shortest one of each output. */
function sizedWires() {
  const shortest = new Map();
  drawing.wires.forEach(({ connections: some, kind }, i) => some.forEach((c) => {
    const { source, sourcePort } = connections[c], output = `${byName.get(source)} ${sourcePort}`;
    if (kind === "data" && !(reach(shortest.get(output) ?? -1) <= reach(i))) shortest.set(output, i);
  }));
  return new Set(shortest.values());
}

/** The size at the beginning of a wire, on the side to which no wire from there leads (``starts``: how far right). */
function sizeLabel({ connections: [first] }, points, starts) {
  const source = layers[byName.get(connections[first].source) - 1];
  const dims = source.outputs.find((port) => port.port === connections[first].sourcePort)?.dims;
  const [x, y, toX, toY] = points;
  if (y === toY) return shape("text", { class: "dims", x: x + 8, y: y - 5 }, compact(dims));
  const left = starts.get(`${x} ${y}`) > x;
  const aside = Math.min(20, x === toX ? Math.abs(toY - y) / 2 : 10);
  return shape("text", { class: "dims", x: x + (left ? -8 : 8), y: (toY > y ? y + aside : y - aside) + 3,
    "text-anchor": left ? "end" : "start" }, compact(dims));
}

/** The path through points: straight along x and y, with round corners, else a swing with vertical ends. */
function way(points, aside) {
  const level = points.every((value, i) => i % 2 === 0 || value === points[1]);
  const at = (i) => [points[2 * i] + (level ? 0 : aside), points[2 * i + 1] + (level ? aside : 0)];
  const straight = (a, b) => a[0] === b[0] || a[1] === b[1];
  const last = points.length / 2 - 1;
  let path = `M${at(0).join(" ")}`;
  for (let i = 1; i <= last; i += 1) {
    const from = at(i - 1), to = at(i), next = i < last ? at(i + 1) : null;
    if (!straight(from, to)) {
      const middle = (from[1] + to[1]) / 2;
      path += `C${from[0]} ${middle} ${to[0]} ${middle} ${to.join(" ")}`;
    } else if (next && straight(to, next) && (from[0] === to[0]) !== (to[0] === next[0])) {
      path += `L${towards(to, from).join(" ")}Q${to.join(" ")} ${towards(to, next).join(" ")}`;
    } else path += `L${to.join(" ")}`;
  }
  return path;
}

/** The point a corner's radius away from one towards another. */
function towards([x, y], [toX, toY]) {
  const length = Math.hypot(toX - x, toY - y), part = Math.min(CORNER, length / 2) / length;
  return [x + (toX - x) * part, y + (toY - y) * part];
}

function drawLegend() {
  const present = [...new Set(kinds)];
  const styles = [["indices", "indices of the maxima"], ["size", "size before pooling, of the selected layer"],
    ["miniBatchSize", "number of sequences"]].filter(
    ([kind]) => connections.some((one) => one.kind === kind));
  if (flat.cyclic.length) styles.push(["cycle", "on a cycle"]);
  const sample = (kind) => shape("svg", { class: `edge ${kind} chosen`, width: 26, height: 10, "aria-hidden": "true" },
    shape("path", { d: "M1 5H25" }));
  byId("legend").append(
    ...present.map((kind) => make("li", { class: "of-kinds" }, make("i", { class: "swatch", "data-kind": kind }), kind)),
    ...styles.map(([kind, text]) => make("li", {}, sample(kind), text)));
}

// Selection --------------------------------------------------------------------------------------------------------------

function markNode(index, on) {
  const item = itemOf(index);
  markItem(item, on);
  const ends = new Set([...entering[index - 1], ...leaving[index - 1]]);
  markWires(({ connections: some }) => some.some((i) => ends.has(i)), on);
}

function markBlock(number, on) {
  const item = itemAt.get(-number - 1);
  if (item !== undefined) markItem(item, on);
  scene.querySelector(`.frame[data-block="${number}"]`)?.classList.toggle("chosen", on);
  const inside = new Set(blocks.groups[number].layers);
  const holds = (name) => inside.has(byName.get(name));
  const crosses = (i) => holds(connections[i].source) !== holds(connections[i].destination);
  markWires(({ connections: some }) => some.some(crosses), on);
}

function markItem(item, on) {
  nodes[item].classList.toggle("chosen", on);
  nodes[item].setAttribute("aria-selected", String(on));
  if (on) canvas.setAttribute("aria-activedescendant", nodes[item].id);
  else canvas.removeAttribute("aria-activedescendant");
}

function markWires(meant, on) {
  drawing.wires.forEach((one, i) => {
    if (!meant(one)) return;
    lines[i].classList.toggle("chosen", on);
    if (on) lines[i].parentNode.append(lines[i]); // above the others
  });
}

function dimNodes(matches) {
  const seen = drawing.items.map((item) => membersOf(item).some((layer) => matches[layer.index - 1]));
  nodes.forEach((one, i) => one.classList.toggle("dim", !seen[i]));
  drawing.wires.forEach(({ connections: some }, i) => {
    const dim = !some.some((c) => [connections[c].source, connections[c].destination].some(
      (name) => matches[byName.get(name) - 1]));
    lines[i].classList.toggle("dim", dim);
    sizes[i]?.classList.toggle("dim", dim);
  });
}

/** The item in the direction of an arrow key: along a connection, or beside in the same row. */
function neighbour(item, key) {
  const [x, y] = drawing.centres[item];
  const beside = (side) => drawing.items.map((_, i) => i).filter((i) => drawing.centres[i][1] === y
    && side * (drawing.centres[i][0] - x) > 0);
  const along = (side) => {
    const ends = drawing.wires.flatMap((one) => {
      const [from, to] = [connections[one.connections[0]].source, connections[one.connections[0]].destination]
        .map((name) => itemOf(byName.get(name)));
      return from === item ? [[to, 1]] : to === item ? [[from, -1]] : [];
    });
    const there = ends.filter(([i]) => side * (drawing.centres[i][1] - y) > 0);
    return (there.length ? there : ends.filter(([, direction]) => direction === side)).map(([i]) => i);
  };
  const others = { ArrowDown: () => along(1), ArrowUp: () => along(-1), ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1) }[key]();
  const distance = (i) => Math.abs(drawing.centres[i][1] - y) * 1e4 + Math.abs(drawing.centres[i][0] - x);
  return others.sort((a, b) => distance(a) - distance(b))[0];
}
