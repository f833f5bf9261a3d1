// The page as a whole: totals, problems, selection, search, theme.

const issues = [...analysis.issues].sort((a, b) => (a.severity === b.severity ? 0 : a.severity === "error" ? -1 : 1));

function drawHeader() {
  const { name, producer, usage, summary } = analysis;
  byId("name").textContent = name || "Network";
  byId("subtitle").textContent = `Network analysis for ${usage} · ${producer}`;
  const least = summary.complete ? "" : "≥ ";
  const frozen = summary.frozenLearnables ? `, ${exact(summary.frozenLearnables)} of them frozen` : "";
  const input = make("input", { id: "batch", type: "number", min: 1, step: 1, value: batch, inputmode: "numeric",
    "aria-label": "Mini-batch size for the activation memory", "aria-describedby": "batch-error" });
  byId("totals").append(
    total("Layers", exact(summary.layers)), total("Connections", exact(summary.connections)),
    total("Learnables", least + short(summary.learnables), `${exact(summary.learnables)}${frozen}`),
    total(`Multiply-adds${timed ? " per step" : ""}`, least + short(summary.multiplyAdds),
      `${exact(summary.multiplyAdds)} per ${OBSERVATION}`),
    total("Parameter memory", least + bytes(summary.parameterBytes), `${exact(summary.parameterBytes)} bytes`),
    total(make("label", {}, `Activations${timed ? " per step" : ""}, batch of `, input,
      make("span", { id: "batch-error", role: "alert", hidden: "" })), make("span", { id: "memory" })),
    total("Errors", exact(summary.errors), null, summary.errors ? "error" : "zero"),
    total("Warnings", exact(summary.warnings), null, summary.warnings ? "warning" : "zero"));
  input.addEventListener("input", () => {
    const number = input.value === "" ? NaN : Number(input.value);
    const valid = Number.isSafeInteger(number) && number >= 1;
    input.setAttribute("aria-invalid", String(!valid));
    byId("batch-error").hidden = valid;
    byId("batch-error").textContent = valid ? "" : `Type a whole number, at least 1. Shown: batch of ${exact(batch)}.`;
    if (valid) setBatch(number);
  });
}

function total(title, value, hover = null, kind = "") {
  return make("div", { class: kind, title: hover }, make("dt", {}, title), make("dd", {}, value));
}

function setBatch(number) {
  batch = number;
  showMemory();
  fillMemory();
  if (measure) showHeat();
  drawDetails();
}

function showMemory() {
  const { activationBytes, complete } = analysis.summary;
  byId("memory").textContent = (complete ? "" : "≥ ") + bytes(activationBytes * batch);
  byId("memory").title = `${exact(activationBytes * batch)} bytes`;
}

function drawProblems() {
  const panel = byId("problems");
  const { errors, warnings } = analysis.summary;
  panel.hidden = !issues.length;
  panel.open = true;
  panel.classList.toggle("error", errors > 0);
  panel.querySelector("summary").textContent = [errors && counted(errors, "error"), warnings && counted(warnings, "warning")]
    .filter(Boolean).join(", ");
  panel.querySelector("ol").append(...issues.map(problem));
}

function problem(issue) {
  const item = issueItem(issue);
  if (issue.layer && byName.has(issue.layer)) {
    item.prepend(make("a", { href: address(issue.layer) }, `${issue.layer} (${issue.index})`), " ");
  }
  return item;
}

// Selection --------------------------------------------------------------------------------------------------------------

/** Select a layer, 0 for none, on every side; ``from`` is the side where it was chosen, which stays where it is. */
function select(index, from = "") {
  unmark();
  selected = index;
  const layer = layers[index - 1];
  showDetails(index);
  if (index) {
    markNode(index, true);
    markRow(index, true);
    reveal(itemOf(index));
    revealRow(index);
  }
  byId("chosen").hidden = !index;
  byId("chosen").textContent = index ? `${layer.name} · ${layer.type} · ${passedOn(layer).map(compact)[0] ?? "?"}` : "";
  drawDetails();
  if (from !== "address") setAddress(index ? address(layer.name) : "#");
}

function unmark() {
  if (selectedBlock >= 0) markBlock(selectedBlock, false);
  selectedBlock = -1;
  if (!selected) return;
  markNode(selected, false);
  markRow(selected, false);
  selected = 0;
}

/** Pages inside of other pages have no address of their own. */
function setAddress(to) {
  try {
    history.replaceState(null, "", to);
  } catch {
    document.documentElement.dataset.address = to;
  }
}

function openDetails() {
  showTab("details");
  byId("details").focus();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // half of an escape
  }
}

function followAddress() {
  const match = /^#layer=(.+)$/.exec(location.hash);
  const index = match && byName.get(decoded(match[1]));
  if (!index) return;
  select(index, "address");
  byId("graph").scrollIntoView({ block: "nearest" });
}

/** A link to a layer selects it: also again, and where the address of the page cannot change. */
function followLink(event) {
  const link = event.target.closest("a[href^='#layer=']");
  const index = link && byName.get(decoded(link.getAttribute("href").slice(7)));
  if (!index) return;
  event.preventDefault();
  select(index);
  byId("graph").scrollIntoView({ block: "nearest" });
}

// Search -----------------------------------------------------------------------------------------------------------------

/** What a layer is found by: names, types, factories, kinds, sizes, special ports, what is wrong, what is frozen. */
function findable(layer) {
  const ports = [...layer.inputs, ...layer.outputs];
  const sizes = [...ports.map(({ dims }) => compact(dims)), ...layer.learnables.map((one) => one.size.join("×"))];
  return [layer.name, layer.type, layer.factory, kinds[layer.index - 1], ...sizes.map(plainSize),
    ...ports.map(({ port }) => port).filter((port) => port !== "in" && port !== "out"),
    severity(layer), layer.learnables.some((one) => one.frozen) && "frozen"].filter(Boolean).join(" ").toLowerCase();
}

/** 28x28, however the sign between sizes is written. */
function plainSize(text) {
  return text.replace(/(?<=\d)[×*](?=\d)/g, "x");
}

const texts = layers.map(findable);

/** Whether a text has a word; a size begins and ends where its numbers do: 28x28 is no part of 128x28. */
function found(text, word) {
  const size = plainSize(word);
  return /^\d+(x\d+)+$/.test(size) ? new RegExp(`(?<!\\d)${size}(?!\\d)`).test(text) : text.includes(word);
}

function search() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = texts.map((text) => words.every((word) => found(text, word)));
  filterRows(matches);
  dimNodes(matches);
  byId("found").textContent = words.length ? `${matches.filter(Boolean).length} of ${layers.length}` : "";
  return matches;
}

function nextMatch(backwards) {
  const matches = search();
  const found = layers.map((layer) => layer.index).filter((index) => matches[index - 1]);
  if (!found.length) return;
  if (backwards) select(found.findLast((index) => index < selected) ?? found.at(-1));
  else select(found.find((index) => index > selected) ?? found[0]);
}

function clearAll() {
  if (byId("search").value) {
    byId("search").value = "";
    search();
  } else if (selected || selectedBlock >= 0) select(0);
}

// Keys, tabs, theme, paper -----------------------------------------------------------------------------------------------

function onKey(event) {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !typing) {
    byId("search").focus();
    byId("search").select();
  } else if (event.key === "?" && !typing) byId("help").showModal();
  else if (event.key === "Escape" && !byId("help").open) clearAll();
  else if (event.key === "Enter" && event.target === byId("search")) nextMatch(event.shiftKey);
  else return;
  event.preventDefault();
}

function showTab(name) {
  const before = document.body.dataset.tab;
  document.body.dataset.tab = name;
  for (const tab of byId("tabs").children) {
    const on = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
  }
  if (before !== name && selected && name === "graph") reveal(itemOf(selected));
  if (before !== name && selected && name === "layers") revealRow(selected);
}

function listenToTabs() {
  const tabs = [...byId("tabs").children];
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => showTab(tab.id.slice(4)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const to = tabs[(i + step + tabs.length) % tabs.length];
      showTab(to.id.slice(4));
      to.focus();
    });
  });
  byId("chosen").addEventListener("click", openDetails);
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function setTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  byId("theme").textContent = isDark() ? "Light" : "Dark";
}

function changeTheme() {
  const other = isDark() ? "light" : "dark";
  stored("theme", other);
  setTheme(other);
  if (measure) showHeat();
}

/** A broken network opens at its first error. */
function selectError() {
  const issue = issues.find(({ layer, severity: kind }) => kind === "error" && byName.has(layer));
  if (issue) select(byName.get(issue.layer), "address");
}

function begin() {
  setTheme(stored("theme"));
  drawHeader();
  drawProblems();
  drawTable();
  listenToColumns();
  showDetails(false);
  listenToSplit("graph");
  listenToSplit("details");
  drawGraph();
  drawDetails();
  showMemory();
  showTab("graph");
  start();
  followAddress();
  if (!selected) selectError();
  listen();
}

function listen() {
  listenToGraph();
  byId("theme").addEventListener("click", changeTheme);
  byId("search").addEventListener("input", search);
  byId("keys").addEventListener("click", () => byId("help").showModal());
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", followLink);
  addEventListener("hashchange", followAddress);
  addEventListener("beforeprint", printGraph);
  addEventListener("afterprint", removePages);
  listenToTabs();
  listenToMenus();
  listenToHeat();
  listenToSave();
}

begin();
