// What the graph is made of: every layer, or blocks of a deep network, some of them unfolded.

const SMEAR = 0.3; // zoom at which the whole graph fits and nothing in it can be read: from there on its blocks are folded
const SIDE = 10; // room beside what is unfolded
const [WIDTH, HEIGHT] = flat.box;
const unfolded = new Set(); // numbers of blocks
let folding = false; // whether blocks are drawn; else every layer by itself

/** Layers of an item: the number of a layer from 1, or that of a block below 0. */
function membersOf(item) {
  return item > 0 ? [layers[item - 1]] : blocks.groups[-item - 1].layers.map((index) => layers[index - 1]);
}

// Per layer the blocks that it is part of, the outermost first.
const around = layers.map(() => []);
(blocks?.groups ?? []).forEach((group, number) => group.layers.forEach((index) => around[index - 1].push(number)));

/** What is drawn of a layer: itself or the folded block that it is in. */
function shownAs(index) {
  const block = folding ? around[index - 1].find((number) => !unfolded.has(number)) : undefined;
  return block === undefined ? index : -block - 1;
}

/** {size, items, centres, wires, routes, frames}: the scene as it is folded now. */
function arranged() {
  const cyclic = new Set(flat.cyclic);
  if (!folding) {
    return { size: flat.size, items: layers.map((layer) => layer.index), centres: flat.centres, routes: flat.routes,
      frames: [], wires: connections.map(({ kind }, i) => ({ connections: [i], kind: cyclic.has(i) ? "cycle" : kind })) };
  }
  const result = { size: [0, 0], items: [], centres: [], wires: [], routes: [], frames: [] };
  const top = unfold(blocks.top);
  result.size = top.size;
  collect(top, 0, 0, result);
  wire(top, result);
  return result;
}

/** A drawing with room for what is unfolded in it: {size, places: code → {x, y, top, bottom, part}, ways}. */
function unfold(level) {
  const points = level.centres.map(([x, y]) => ({ x, y }));
  const ways = level.ways.map(([from, to, lane, route]) => ({ from, to, lane,
    points: Array.from({ length: route.length / 2 }, (_, i) => ({ x: route[2 * i], y: route[2 * i + 1] })) }));
  const open = level.items.map((item, i) => ({ item, point: points[i] })).filter(({ item }) => unfolded.has(-item - 1))
    .map(({ item, point }) => ({ item, ...point, part: unfold(blocks.groups[-item - 1].drawing) }));
  const stretched = stretch(open);
  for (const one of [...points, ...ways.flatMap((way) => way.points)]) [one.x, one.y] = stretched(one.x, one.y);
  const parts = new Map(open.map(({ item, part }) => [item, part]));
  const places = new Map(level.items.map((item, i) => {
    const part = parts.get(item), top = points[i].y - HEIGHT / 2;
    return [item, { ...points[i], top, bottom: top + (part ? part.size[1] : HEIGHT), part }];
  }));
  return { size: stretched(...level.size), places, ways, entry: points[level.items.length] };
}

/** Where a point moves so that there is room for parts: away from their middles, and down from below their rows. */
function stretch(open) {
  const beside = new Map(), below = new Map(); // room to the left and right of an x, and below a y
  for (const { x, y, part } of open) {
    const [left, right] = beside.get(x) ?? [0, 0], { x: middle } = part.entry;
    beside.set(x, [Math.max(left, middle + SIDE - WIDTH / 2), Math.max(right, part.size[0] - middle + SIDE - WIDTH / 2)]);
    below.set(y + HEIGHT / 2, Math.max(below.get(y + HEIGHT / 2) ?? 0, part.size[1] - HEIGHT));
  }
  return (x, y) => [
    [...beside].reduce((sum, [at, [left, right]]) => sum + (at < x ? left + right : at === x ? left : 0), x),
    [...below].reduce((sum, [at, room]) => sum + (at <= y ? room : 0), y)];
}

/** Everything that is seen of a drawing, with its upper left corner at x, y. */
function collect(part, x, y, into) {
  part.x = x;
  part.y = y;
  for (const [item, place] of part.places) {
    if (place.part) {
      const left = x + place.x - place.part.entry.x, top = y + place.top;
      into.frames.push({ block: -item - 1, x: left - SIDE / 2, y: top + 4, width: place.part.size[0] + SIDE,
        height: place.part.size[1] - 8 });
      collect(place.part, left, top, into);
    } else {
      into.items.push(item);
      into.centres.push([x + place.x, y + place.y]);
    }
  }
}

/** One wire per pair of items and kind, with its way through all frames. */
function wire(top, into) {
  const known = new Map();
  connections.forEach(({ source, destination, kind }, i) => {
    const [from, to] = [source, destination].map((name) => pathTo(byName.get(name)));
    const key = `${from.at(-1)} ${to.at(-1)} ${kind}`;
    if (from.at(-1) === to.at(-1)) return;
    if (known.has(key)) {
      known.get(key).connections.push(i);
      return;
    }
    known.set(key, { connections: [i], kind });
    into.wires.push(known.get(key));
    into.routes.push(routeOf(top, from, to, kind === "data" ? 0 : 1));
  });
}

/** The items around a layer, from the outermost to what is shown of it. */
function pathTo(index) {
  const path = [], shown = shownAs(index);
  for (const number of around[index - 1]) {
    path.push(-number - 1);
    if (path.at(-1) === shown) return path;
  }
  return [...path, index];
}

function routeOf(top, from, to, lane) {
  let level = top, depth = 0;
  while (from[depth] === to[depth]) {
    level = level.places.get(from[depth]).part;
    depth += 1;
  }
  const outwards = pieces(level, from, depth, (item) => [item, 0]).reverse();
  const inwards = pieces(level, to, depth, (item) => [0, item]);
  return [...outwards, piece(level, from[depth], to[depth]), ...inwards].flat();

  function pieces(outer, path, at, ends) {
    const found = [];
    for (let i = at, inner = outer; i + 1 < path.length; i += 1) {
      inner = inner.places.get(path[i]).part;
      found.push(piece(inner, ...ends(path[i + 1])));
    }
    return found;
  }

  /** The way from item to item in one drawing, from the true bottom of the first. */
  function piece(inner, a, b) {
    const found = inner.ways.find((one) => one.from === a && one.to === b && one.lane === lane)
      ?? inner.ways.find((one) => one.from === a && one.to === b);
    const begin = inner.places.get(a);
    const points = begin && begin.bottom < found.points[0].y ? [{ x: begin.x, y: begin.bottom }, ...found.points]
      : found.points;
    return points.flatMap(({ x, y }) => [inner.x + x, inner.y + y]);
  }
}

// Folding ----------------------------------------------------------------------------------------------------------------

function fold(number, on) {
  if (on) unfolded.delete(number);
  else unfolded.add(number);
  redraw();
  selectBlock(number);
}

/** Fold or unfold all; the graph is then seen from its beginning. */
function foldAll(on) {
  folding = on;
  unfolded.clear();
  const index = selected;
  redraw();
  start();
  if (index) reveal(itemOf(index));
}

/** Unfold all that a layer is in. */
function unfoldTo(index) {
  around[index - 1].forEach((number) => unfolded.add(number));
  redraw();
  reveal(itemOf(index));
}

function blockDetails(group) {
  const members = group.layers.map((index) => layers[index - 1]);
  const sum = (of) => members.reduce((total, layer) => total + of(layer), 0);
  const number = blocks.groups.indexOf(group), open = unfolded.has(number);
  const entries = [["Learnables", exact(sum((layer) => layer.learnableCount))],
    ["Multiply-adds", `${exact(sum((layer) => layer.multiplyAdds))} per ${OBSERVATION}`],
    ["Activation memory", bytes(sum((layer) => layer.activationBytes) * batch)]];
  return [make("h2", {}, group.name),
    make("p", { class: "kind" }, `Block of ${counted(members.length, "layer")}`),
    make("p", {}, make("button", { type: "button", onclick: () => fold(number, open) }, open ? "Fold" : "Unfold")),
    section("Figures", list(entries)),
    section("Layers", make("p", {}, members.flatMap((layer, i) => [i ? ", " : "",
      make("a", { href: address(layer.name) }, layer.name)])))];
}

function selectBlock(number) {
  unmark();
  selectedBlock = number;
  markBlock(number, true);
  showDetails(true);
  byId("chosen").hidden = false;
  byId("chosen").textContent = `${blocks.groups[number].name} · ${counted(blocks.groups[number].layers.length, "layer")}`;
  drawDetails();
  setAddress("#");
  const frame = drawing.frames.find(({ block }) => block === number);
  if (frame) revealFrame(frame);
  else reveal(drawing.items.indexOf(-number - 1));
}
