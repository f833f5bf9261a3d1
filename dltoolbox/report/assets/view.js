// What is seen of the graph: one transform of the scene, moved by wheel, pointers and keys.

const MOST = 4; // zoom
const READABLE = 0.8, SIZED = 0.7, NAMED = 0.45; // zoom at which text is easy to read, at which all is drawn, and names are
const BROAD = 0.3; // least zoom across, so that a deep network seen as a whole is more than a line
const BELOW = 60; // what the buttons for zooming cover from the top
const GLIDE = 250; // milliseconds

const view = { k: 1, x: 0, y: 0, detail: "", pending: false, glide: null, blind: false };

/** The zoom across where that along the rows is ``k``. */
function across(k) {
  return Math.max(k, Math.min(BROAD, (canvas.clientWidth - 40) / Math.max(1, drawing.size[0])));
}

function moveView(k, x, y) {
  view.glide = null;
  place(k, x, y);
}

function place(k, x, y) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const margin = 60;
  view.k = bounded(k);
  view.x = Math.min(width - margin, Math.max(margin - drawing.size[0] * across(view.k), x));
  view.y = Math.min(height - margin, Math.max(margin - drawing.size[1] * view.k, y));
  if (!view.pending) {
    view.pending = true;
    requestAnimationFrame(show);
  }
}

/** Move there in small steps, unless the reader does not like motion or something else moves the view meanwhile. */
function glideTo(k, x, y) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (still || !view.detail) { // nothing has been shown yet
    moveView(k, x, y);
    return;
  }
  const from = { ...view }, began = performance.now(), glide = {};
  const step = (now) => {
    if (view.glide !== glide) return;
    const time = Math.min(1, Math.max(0, now - began) / GLIDE), part = time * time * (3 - 2 * time);
    const between = (a, b) => a + (b - a) * part;
    place(between(from.k, k), between(from.x, x), between(from.y, y));
    if (time < 1) requestAnimationFrame(step);
    else view.glide = null;
  };
  view.glide = glide;
  requestAnimationFrame(step);
}

function show() {
  view.pending = false;
  scene.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${across(view.k)} ${view.k})`);
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
  moveView(k, x - (x - view.x) * across(k) / across(view.k), y - (y - view.y) * k / view.k);
}

function bounded(k) {
  return Math.min(MOST, Math.max(Math.min(0.1, whole() / 2), k));
}

/** The zoom at which the whole graph is seen. */
function whole() {
  return wholeOf(drawing.size);
}

function wholeOf([wide, tall]) {
  return Math.min((canvas.clientWidth - 40) / Math.max(1, wide), (canvas.clientHeight - 40) / Math.max(1, tall));
}

/** Where the drawing begins: below the buttons for zooming if they would cover a layer. */
function uppermost(k, left) {
  const free = canvas.clientWidth - document.querySelector(".tools").offsetWidth - 16;
  const covered = ([x, y]) => left + (x + WIDTH / 2) * across(k) > free && y * k < BELOW;
  return drawing.centres.some(covered) ? BELOW : 20;
}

function fit() {
  const { clientWidth: width, clientHeight: height } = canvas;
  const [wide, tall] = drawing.size;
  const most = Math.min(1.2, whole());
  const top = uppermost(most, (width - wide * across(most)) / 2);
  const k = Math.min(most, (height - top - 20) / Math.max(1, tall));
  moveView(k, (width - wide * across(k)) / 2, Math.max(top, (height - tall * k) / 2));
}

/** All of a small graph, or the top of a large one at a readable size, with the first layer in sight. */
function start() {
  view.blind = !canvas.clientWidth;
  if (whole() >= READABLE || !layers.length) {
    fit();
    return;
  }
  const width = canvas.clientWidth;
  const k = Math.max(SIZED, Math.min(1, (width - 40) / drawing.size[0]));
  const [first] = drawing.centres[itemOf(1)];
  const free = width - drawing.size[0] * k;
  const left = free > 0 ? free / 2 : Math.max(free - 20, Math.min(20, width / 2 - first * k));
  moveView(k, left, uppermost(k, left));
}

/** Begin once there is room, which a frame in a notebook has late; then keep the graph in sight. */
function resized() {
  if (!canvas.clientWidth) return;
  if (!view.blind) {
    place(view.k, view.x, view.y);
    return;
  }
  start();
  if (selected) reveal(itemOf(selected));
}

/** Bring an item into sight, at a size at which it can be read. */
function reveal(item) {
  const [x, y] = drawing.centres[item];
  const left = view.x + x * across(view.k), top = view.y + y * view.k;
  const k = view.k < NAMED ? READABLE : view.k;
  const inside = left > WIDTH * k / 2 && left < canvas.clientWidth - WIDTH * k / 2 && top > HEIGHT * k
    && top < canvas.clientHeight - HEIGHT * k;
  if (k !== view.k || !inside) glideTo(k, canvas.clientWidth / 2 - x * k, canvas.clientHeight / 2 - y * k);
}

/** Bring the head of an unfolded block into sight. */
function revealFrame({ x, y, width }) {
  const k = Math.max(NAMED, Math.min(view.k, (canvas.clientWidth - 40) / width));
  const top = view.y + y * view.k;
  const inside = top > 0 && top < canvas.clientHeight / 2 && view.k === k;
  if (!inside) glideTo(k, canvas.clientWidth / 2 - (x + width / 2) * k, BELOW - y * k);
}

// Input ------------------------------------------------------------------------------------------------------------------

function listenToGraph() {
  canvas.addEventListener("wheel", onWheel, { passive: false });
  listenToPointers();
  canvas.addEventListener("keydown", onCanvasKey);
  byId("zoom-in").addEventListener("click", () => zoom(1.3));
  byId("zoom-out").addEventListener("click", () => zoom(1 / 1.3));
  byId("fit").addEventListener("click", fit);
  byId("fold").addEventListener("click", () => foldAll(!folding));
  new ResizeObserver(resized).observe(canvas);
}

function onWheel(event) {
  event.preventDefault();
  const step = event.deltaMode ? event.deltaY * 30 : event.deltaY;
  const box = canvas.getBoundingClientRect();
  if (event.shiftKey) moveView(view.k, view.x - event.deltaX, view.y - step);
  else zoom(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
}

function listenToPointers() {
  const pointers = new Map();
  let moved = false; // a drag is no click
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
    const target = event.target.closest(".node, .frame");
    if (target && !moved) choose(target);
    moved = false;
  });
}

/** One pointer pans; two also zoom by how far they are apart. */
function drag(pointers, before, event) {
  const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
  const share = other ? 0.5 : 1;
  moveView(view.k, view.x + share * (event.clientX - before.clientX), view.y + share * (event.clientY - before.clientY));
  if (!other) return;
  const box = canvas.getBoundingClientRect();
  const apart = (one) => Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
  zoom(apart(event) / apart(before), (event.clientX + other.clientX) / 2 - box.left,
    (event.clientY + other.clientY) / 2 - box.top);
}

/** A layer is selected, a block unfolded or folded. */
function choose({ dataset, classList }) {
  if (dataset.index) select(Number(dataset.index), "graph");
  else fold(Number(dataset.block), classList.contains("frame"));
}

function chosenItem() {
  return selected ? itemOf(selected) : itemAt.get(-selectedBlock - 1);
}

function onCanvasKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = { "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: fit, Home: start,
    Enter: enter, c: foldAround };
  if (event.key.startsWith("Arrow") && layers.length) step(event.key);
  else if (actions[event.key]) actions[event.key]();
  else return;
  event.preventDefault();
}

function step(key) {
  const from = chosenItem();
  const to = from === undefined ? itemOf(1) : neighbour(from, key);
  if (to === undefined) return;
  const item = drawing.items[to];
  if (item > 0) select(item, "graph");
  else selectBlock(-item - 1);
}

/** Unfold a block, else go on to the details. */
function enter() {
  const item = drawing.items[chosenItem()];
  if (item < 0) fold(-item - 1, false);
  else if (selected || selectedBlock >= 0) openDetails();
}

/** Fold the innermost block around the selected layer, or the selected one. */
function foldAround() {
  const open = folding && selected ? around[selected - 1].filter((number) => unfolded.has(number)).at(-1)
    : unfolded.has(selectedBlock) ? selectedBlock : undefined;
  if (open !== undefined) fold(open, true);
}
