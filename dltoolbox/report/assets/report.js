// The page as a whole: totals, problems, selection, search, theme.

function drawHeader() {
  const { name, producer, usage, summary } = analysis;
  byId("name").textContent = name || "Network";
  byId("subtitle").textContent = `Network analysis for ${usage} · ${producer}`;
  const least = summary.complete ? "" : "≥ ";
  const frozen = summary.frozenLearnables ? `, ${exact(summary.frozenLearnables)} of them frozen` : "";
  const input = make("input", { id: "batch", type: "number", min: 1, step: 1, value: batch, inputmode: "numeric",
    "aria-label": "Mini-batch size for the activation memory" });
  byId("totals").append(
    total("Layers", exact(summary.layers)), total("Connections", exact(summary.connections)),
    total("Learnables", least + short(summary.learnables), `${exact(summary.learnables)}${frozen}`),
    total("Multiply-adds", least + short(summary.multiplyAdds), `${exact(summary.multiplyAdds)} per observation`),
    total("Parameter memory", least + bytes(summary.parameterBytes), `${exact(summary.parameterBytes)} bytes`),
    total(make("label", {}, "Activations, batch of ", input), make("span", { id: "memory" })),
    total("Errors", exact(summary.errors), null, summary.errors ? "error" : "zero"),
    total("Warnings", exact(summary.warnings), null, summary.warnings ? "warning" : "zero"));
  input.addEventListener("input", () => {
    const number = Math.floor(Number(input.value));
    if (number >= 1) setBatch(number);
    input.setAttribute("aria-invalid", String(!(number >= 1)));
  });
}

function total(title, value, hover = null, kind = "") {
  return make("div", { class: kind, title: hover }, make("dt", {}, title), make("dd", {}, value));
}

function setBatch(number) {
  batch = number;
  showMemory();
  fillMemory();
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
  const issues = [...analysis.issues]
    .sort((a, b) => (a.severity === b.severity ? 0 : a.severity === "error" ? -1 : 1));
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
  if (selected) {
    markNode(selected, false);
    markRow(selected, false);
  }
  selected = index;
  const layer = layers[index - 1];
  if (index) {
    markNode(index, true);
    markRow(index, true);
    reveal(index);
    if (from !== "table") revealRow(index);
  }
  byId("chosen").hidden = !index;
  byId("chosen").textContent = index ? `${layer.name} · ${layer.type} · ${passedOn(layer).map(compact)[0] ?? "?"}` : "";
  drawDetails();
  if (from !== "address") history.replaceState(null, "", index ? address(layer.name) : "#");
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

/** A link to the layer that is selected already changes no address, and yet shows the layer. */
function followAgain(event) {
  if (event.target.closest("a")?.getAttribute("href") === location.hash) followAddress();
}

// Search -----------------------------------------------------------------------------------------------------------------

function search() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = layers.map((layer) => {
    const text = `${layer.name} ${layer.type}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
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
  } else if (selected) select(0);
}

// Keys, tabs, theme, paper -----------------------------------------------------------------------------------------------

function onKey(event) {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !typing) {
    byId("search").focus();
    byId("search").select();
  } else if (event.key === "Escape") clearAll();
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
  if (before !== name && selected && name === "graph") reveal(selected);
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

/** The theme that was chosen last; ``value`` is kept as such where the browser lets it. */
function stored(value) {
  try {
    if (value) localStorage.setItem("dltoolbox-theme", value);
    return localStorage.getItem("dltoolbox-theme");
  } catch {
    return null; // a browser may forbid it
  }
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
  stored(other);
  setTheme(other);
}

function begin() {
  drawHeader();
  drawProblems();
  drawGraph();
  drawTable();
  drawDetails();
  showMemory();
  showTab("graph");
  setTheme(stored());
  start();
  followAddress();
  byId("theme").addEventListener("click", changeTheme);
  byId("search").addEventListener("input", search);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", followAgain);
  addEventListener("hashchange", followAddress);
  addEventListener("beforeprint", printGraph);
  addEventListener("afterprint", removePages);
  listenToTabs();
}

begin();
