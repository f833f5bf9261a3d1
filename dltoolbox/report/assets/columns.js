// Which columns of the table are shown: those that there is room for, or those that the reader has chosen.

// Where the columns do not fit side by side, these steps are taken one after another, see the style. Names are never cut.
const STEPS = ["brief", "no-field", "no-share", "narrow", "no-sizes", "no-memory", "wrapped", "no-type", "no-adds"];
const KEPT = ["index", "name"]; // always shown
const NARROW = 100; // pixels of a column of types on several lines
let widths = null; // of the whole table and, where that has been too wide, of its columns in brief
let picked = null; // keys of the columns that the reader has chosen; null where the room decides

/** Take the steps that are needed: few layouts, because one of a thousand rows takes its time. */
function fitColumns() {
  columns.forEach(({ key }) => pane.classList.toggle(`without-${key}`, Boolean(picked) && !picked.includes(key)));
  const steps = picked ? STEPS.filter((step) => !step.startsWith("no-")) : STEPS;
  const take = (count) => STEPS.forEach((step) => pane.classList.toggle(step, steps.slice(0, count).includes(step)));
  const room = pane.clientWidth, fits = () => pane.scrollWidth <= room;
  if (!widths || picked) {
    take(0);
    widths = { whole: pane.scrollWidth, brief: null };
  }
  let taken = widths.whole <= room ? 0 : 1;
  take(taken);
  if (taken && !picked && !fits()) {
    widths.brief ??= Object.fromEntries(columns.map(({ key }) => [key, headOf(key).offsetWidth]));
    let sum = Object.values(widths.brief).reduce((a, b) => a + b, 0);
    for (; sum > room && taken < steps.length; taken += 1) sum -= spared(steps[taken]);
    take(taken);
  }
  for (; !fits() && taken <= steps.length; taken += 1) take(taken);
  if (picked) widths = null;
  for (const box of byId("columns").querySelectorAll("input")) box.checked = isShown(box.value);
}

/** How many pixels a step spares. */
function spared(step) {
  if (step === "narrow") return Math.max(0, widths.brief.type - NARROW);
  return step.startsWith("no-") ? widths.brief[step.slice(3)] : 0;
}

function headOf(key) {
  return byId("table").querySelector(`th.column-${key}`);
}

/** What cells hold has changed. */
function refitColumns() {
  widths = null;
  fitColumns();
}

function isShown(key) {
  return getComputedStyle(headOf(key)).display !== "none";
}

/** Keep a choice of columns; null lets the room decide again. */
function pickColumns(keys) {
  picked = keys;
  stored("columns", keys && JSON.stringify(keys));
  fitColumns();
}

function listenToColumns() {
  const choice = columns.filter(({ key }) => !KEPT.includes(key));
  byId("columns").lastElementChild.append(
    ...choice.map(({ key, title }) => make("label", {}, make("input", { type: "checkbox", value: key }), title)),
    make("button", { type: "button", onclick: () => pickColumns(columns.map(({ key }) => key)) }, "All"),
    make("button", { type: "button", onclick: () => pickColumns(null) }, "As many as fit"));
  byId("columns").addEventListener("change", () => pickColumns([...KEPT,
    ...[...byId("columns").querySelectorAll("input:checked")].map((box) => box.value)]));
  try {
    picked = JSON.parse(stored("columns"));
  } catch {
    picked = null;
  }
  if (!Array.isArray(picked)) picked = null;
  let width = 0;
  new ResizeObserver(() => {
    if (pane.clientWidth === width) return;
    width = pane.clientWidth;
    fitColumns();
  }).observe(pane);
}
