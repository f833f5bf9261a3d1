// The layer table: sorted by any column, filtered by the search.

const pane = byId("layers");
const body = byId("table").tBodies[0];
const rows = []; // element per layer
const order = { column: 0, up: true };

// title, what it is sorted by, how a cell is filled; sorted by numbers, the largest comes first.
const columns = [
  { key: "index", title: "#", value: (layer) => layer.index, cell: (layer) => String(layer.index), number: true, up: true },
  { key: "name", title: "Name", value: (layer) => layer.name, cell: nameCell },
  { key: "type", title: "Type", value: (layer) => layer.type, cell: (layer) => layer.type },
  { key: "activations", title: "Activations", value: elements, number: true, left: true,
    cell: (layer) => sizeLines(layer).map((text, i) => make("div", {}, make("span", { class: "whole" }, text),
      make("span", { class: "short" }, portName(layer, i), compact(passedOn(layer)[i])))) },
  { key: "sizes", title: "Learnable sizes", value: (layer) => Math.max(0, ...layer.learnables.map((one) => one.count)),
    cell: arraysCell, number: true, left: true },
  { key: "learnables", title: "Learnables", value: (layer) => layer.learnableCount, number: true,
    cell: (layer) => numberCell(layer.learnableCount, short) },
  { key: "adds", title: "Multiply-adds", value: (layer) => layer.multiplyAdds, number: true,
    cell: (layer) => numberCell(layer.multiplyAdds, short) },
  { key: "share", title: "Share of learnables", value: (layer) => layer.learnableShare, cell: shareCell, number: true },
  { key: "memory", title: "Activation memory", value: (layer) => layer.activationBytes, number: true,
    cell: (layer) => numberCell(layer.activationBytes * batch, bytes) },
  { key: "field", title: "Receptive field", value: fieldSize, cell: (layer) => field(layer.receptiveField), number: true },
];

function nameCell(layer) {
  const fault = severity(layer);
  return [fault && make("span", { class: `flag ${fault}`, title: fault }, "!"),
    make("i", { class: "swatch", "data-kind": kinds[layer.index - 1] }), layer.name];
}

function arraysCell(layer) {
  return layer.learnables.map((one) => make("div", { title: exact(one.count), class: one.frozen ? "frozen" : null },
    `${one.name} ${one.size.join("×")}`));
}

function numberCell(value, text) {
  return value ? make("span", { title: exact(value) }, text(value)) : "–";
}

function shareCell(layer) {
  if (!layer.learnableCount) return "–";
  return [make("span", { class: "bar", "aria-hidden": "true" },
    make("b", { style: `width: ${Math.max(1, 100 * layer.learnableShare)}%` })),
  make("span", { class: "percent", title: exact(layer.learnableCount) }, percent(layer.learnableShare))];
}

function fieldSize(layer) {
  if (!layer.receptiveField) return -1;
  return layer.receptiveField.whole ? Infinity : layer.receptiveField.size.reduce((a, b) => a * b, 1);
}

function drawTable() {
  byId("table").tHead.rows[0].append(...columns.map((column, i) => make("th", { scope: "col",
    class: columnClass(column), "aria-sort": i ? "none" : "ascending" },
  make("button", { type: "button", onclick: () => sortBy(i) }, column.title))));
  for (const layer of layers) {
    const row = make("tr", { "data-index": layer.index, "aria-selected": "false", tabindex: layer.index === 1 ? 0 : -1,
      class: severity(layer) },
    columns.map((column) => make("td", { class: columnClass(column) }, column.cell(layer))));
    rows.push(row);
    body.append(row);
  }
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) select(Number(row.dataset.index), "table");
  });
  body.addEventListener("keydown", walkRows);
}

function columnClass(column) {
  return [`column-${column.key}`, column.number && !column.left && "number"].filter(Boolean).join(" ");
}

function sortBy(number) {
  const column = columns[number];
  order.up = order.column === number ? !order.up : !column.number || column.up === true;
  order.column = number;
  const sign = order.up ? 1 : -1;
  const values = layers.map(column.value);
  const compare = column.number ? (a, b) => (values[a] === values[b] ? 0 : values[a] < values[b] ? -1 : 1)
    : (a, b) => values[a].localeCompare(values[b], "en", { numeric: true });
  const sorted = layers.map((_, i) => i).sort((a, b) => sign * compare(a, b) || a - b);
  body.append(...sorted.map((i) => rows[i]));
  [...byId("table").tHead.rows[0].cells].forEach((cell, i) => cell.setAttribute("aria-sort",
    i !== number ? "none" : order.up ? "ascending" : "descending"));
}

function fillMemory() {
  const number = columns.findIndex((column) => column.key === "memory");
  layers.forEach((layer, i) => rows[i].cells[number].replaceChildren(columns[number].cell(layer)));
  refitColumns();
}

/** Arrow keys, Home, End and pages move through the rows that are shown; Enter goes on to the details. */
function walkRows(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const shown = [...body.rows].filter((row) => !row.hidden);
  const at = shown.indexOf(event.target.closest("tr"));
  const last = shown.length - 1;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 10, PageUp: at - 10, Home: 0, End: last }[event.key];
  if (event.key === "Enter") {
    select(Number(shown[at].dataset.index), "table");
    openDetails();
  } else if (to === undefined) return;
  else {
    const row = shown[Math.max(0, Math.min(last, to))];
    select(Number(row.dataset.index), "table");
    row.focus();
  }
  event.preventDefault();
}

function markRow(index, on) {
  const row = rows[index - 1];
  row.setAttribute("aria-selected", String(on));
  if (!on) return;
  body.querySelector("tr[tabindex='0']")?.setAttribute("tabindex", "-1");
  row.setAttribute("tabindex", "0");
}

function revealRow(index) {
  rows[index - 1].scrollIntoView({ block: "nearest", inline: "nearest" });
}

function filterRows(matches) {
  rows.forEach((row, i) => { row.hidden = !matches[i]; });
}
