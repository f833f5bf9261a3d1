// The panel of the selected layer.

function drawDetails() {
  const panel = byId("details");
  panel.scrollTop = 0;
  panel.replaceChildren(...(selected ? layerDetails(layers[selected - 1])
    : selectedBlock >= 0 ? blockDetails(blocks.groups[selectedBlock]) : nothing()));
  if (selected || selectedBlock >= 0) {
    panel.prepend(make("button", { type: "button", id: "close", title: "Close (Esc)", "aria-label": "Close",
      onclick: () => select(0) }, "×"));
  }
}

function nothing() {
  return [make("p", { class: "hint" }, layers.length ? "Select a layer in the graph or in the table."
    : "This network has no layers.")];
}

function layerDetails(layer) {
  return [
    make("h2", {}, make("i", { class: "swatch", "data-kind": kinds[layer.index - 1] }), layer.name),
    make("p", { class: "kind" }, `${layer.type} · layer ${layer.index} of ${layers.length} · `,
      make("code", {}, layer.factory)),
    make("p", {}, layer.description),
    blockPath(layer),
    layer.issues.length ? make("ul", { class: "issues" }, layer.issues.map((i) => issueItem(analysis.issues[i]))) : null,
    formula(layer.formula),
    ports(layer),
    arrays(layer),
    figures(layer),
    ...properties(layer),
  ].filter(Boolean);
}

function issueItem(issue) {
  return make("li", { class: issue.severity }, make("strong", {}, issue.message), " ",
    make("code", {}, issue.identifier),
    issue.cure && make("p", { class: "fix" }, make("b", {}, "Fix:"), " ", fixText(issue.cure)));
}

// Code in a text: between backticks, or what reads like a call, with brackets inside it as well.
const CODE = /`([^`]+)`|((?:\w[\w.]*\s=\s)?[A-Za-z_][\w.]*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))/g;

/** The text of a fix, its code as code; what can be run has a button that copies it. */
function fixText(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(CODE)) {
    const code = match[1] ?? match[2], [after] = /^[.,;:]?/.exec(text.slice(match.index + match[0].length));
    parts.push(text.slice(end, match.index), make("code", { class: "code" }, code), after);
    if (/[(=]/.test(code)) {
      parts.push(make("button", { type: "button", class: "copy", "aria-label": `Copy ${code}`,
        onclick: (event) => copyText(code, event.target) }, "Copy"));
    }
    end = match.index + match[0].length + after.length;
  }
  return [...parts, text.slice(end)];
}

/** Where a layer is that the graph shows only as part of a block. */
function blockPath(layer) {
  if (!folding || !around[layer.index - 1].length) return null;
  const path = around[layer.index - 1].map((number) => blocks.groups[number].name).join(" › ");
  return make("p", { class: "kind" }, `In block ${path} `, shownAs(layer.index) < 0
    && make("button", { type: "button", class: "copy", onclick: () => unfoldTo(layer.index) }, "Unfold"));
}

function section(title, ...content) {
  return make("section", {}, make("h3", {}, title), ...content);
}

function formula(parts) {
  if (!parts?.length) return null;
  return section("Why this size", make("dl", { class: "formula" }, parts.map((part) => [make("dt", {}, part.dimensions),
    make("dd", {}, part.text)])));
}

function ports(layer) {
  const targets = (port) => leaving[layer.index - 1].map((i) => connections[i]).filter((one) => one.sourcePort === port.port)
    .map((one) => link(one.destination, one.destinationPort));
  const entries = [
    ...layer.inputs.map((port) => ["from", port, port.source ? [link(port.source, port.sourcePort)] : []]),
    ...layer.outputs.map((port) => ["to", port, targets(port)])];
  if (!entries.length) return null;
  return section("Connections", table(entries.map(([role, port, links]) => [role,
    make("td", {}, links.length ? links.flatMap((one, i) => (i ? [", ", one] : [one])) : make("em", {}, "not connected")),
    make("td", {}, make("code", {}, port.port)), make("td", {}, activations(port.dims))])));
}

function link(name, port) {
  const index = byName.get(name);
  const several = index && layers[index - 1].outputs.length + layers[index - 1].inputs.length > 2;
  return make("a", { href: address(name) }, several && port ? `${name}/${port}` : name);
}

function arrays(layer) {
  const entries = [...layer.learnables.map((one) => [one, one.frozen ? "frozen" : "learnable"]),
    ...layer.states.map((one) => [one, "state"])];
  if (!entries.length) return null;
  return section("Learnables and states", ...layer.learnables.map(histogram),
    table(entries.map(([one, what]) => [one.name, make("td", {}, one.size.join("×")),
    make("td", { class: "number" }, exact(one.count)), make("td", {}, what)])));
}

/** How the values of a learnable are distributed, where that was asked for. */
function histogram({ name, histogram: about }) {
  if (!about) return null;
  const { least, most, mean, deviation, notFinite, counts } = about;
  const highest = Math.max(...counts), wide = 6, high = 48, nought = least < 0 && most > 0 ? -least / (most - least) : -1;
  const bars = counts.map((count, i) => shape("rect", { class: "bin", x: i * wide, width: wide - 1,
    y: high - high * count / highest, height: high * count / highest },
  shape("title", {}, `${exact(count)} from ${rounded(least + (most - least) * i / counts.length)}`)));
  const text = `${name}: mean ${rounded(mean)}, standard deviation ${rounded(deviation)}${notFinite
    ? `, ${exact(notFinite)} not finite` : ""}`;
  const width = wide * counts.length;
  return make("figure", { class: "histogram" }, make("figcaption", {}, text),
    shape("svg", { viewBox: `0 0 ${width} ${high}`, width, height: high, role: "img",
      "aria-label": `Histogram of ${text}, from ${rounded(least)} to ${rounded(most)}` }, bars,
    nought >= 0 && shape("path", { class: "nought", d: `M${nought * width} 0V${high}` })),
    make("div", {}, make("span", {}, rounded(least)), make("span", {}, rounded(most))));
}

function rounded(number) {
  return String(Number(number.toPrecision(3))).replaceAll("-", "−");
}

function figures(layer) {
  const receptive = layer.receptiveField;
  const entries = [
    ["Learnables", layer.learnableCount
      && `${exact(layer.learnableCount)} (${percent(layer.learnableShare)} of the network)`],
    ["Multiply-adds", layer.multiplyAdds && `${exact(layer.multiplyAdds)} per ${OBSERVATION}`],
    ["Activation memory", layer.activationBytes
      && `${bytes(layer.activationBytes * batch)} for ${batch === 1 || !timed
      ? counted(batch, OBSERVATION) : `a time step of ${counted(batch, "observation")}`}`],
    ["Receptive field", receptive && (receptive.whole ? "the whole input"
      : `${receptive.size.join("×")}, in steps of ${receptive.stride.join("×")}`)],
  ].filter(([, value]) => value);
  return entries.length ? section("Figures", list(entries)) : null;
}

function properties(layer) {
  const groups = new Map();
  for (const one of layer.properties) groups.set(one.group, [...(groups.get(one.group) ?? []), [one.name, one.value]]);
  return [...groups].map(([title, entries]) => section(title || "Properties", list(entries)));
}

/** Rows of a heading and cells. */
function table(entries) {
  return make("table", { class: "small" }, make("tbody", {},
    entries.map(([heading, ...cells]) => make("tr", {}, make("th", { scope: "row" }, heading), cells))));
}

function list(entries) {
  return make("dl", { class: "pairs" }, entries.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}
