// The panel of the selected layer.

function drawDetails() {
  const panel = byId("details");
  panel.scrollTop = 0;
  panel.replaceChildren(...(selected ? layerDetails(layers[selected - 1]) : help()));
}

function help() {
  const hints = [
    ["/", "find layers; Enter goes to the next one"],
    ["↑ ↓ ← →", "follow connections in the graph, rows in the table"],
    ["Enter", "read about the selected layer"],
    ["+ − 0", "zoom in, zoom out, fit, in the graph"],
    ["Esc", "clear"],
  ];
  return [make("p", { class: "hint" }, layers.length ? "Select a layer in the graph or in the table."
    : "This network has no layers."),
  make("dl", { class: "keys" }, hints.map(([key, text]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, text)]))];
}

function layerDetails(layer) {
  return [
    make("h2", {}, make("i", { class: "swatch", "data-kind": kinds[layer.index - 1] }), layer.name),
    make("p", { class: "kind" }, `${layer.type} · layer ${layer.index} of ${layers.length} · `,
      make("code", {}, layer.factory)),
    make("p", {}, layer.description),
    layer.issues.length ? make("ul", { class: "issues" }, layer.issues.map((i) => issueItem(analysis.issues[i]))) : null,
    formula(layer.formula),
    ports(layer),
    arrays(layer),
    figures(layer),
    ...properties(layer),
  ].filter(Boolean);
}

function issueItem(issue) {
  return make("li", { class: issue.severity }, make("strong", {}, issue.message), " ", make("span", {}, issue.cure), " ",
    make("code", {}, issue.identifier));
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
  return section("Learnables and states", table(entries.map(([one, what]) => [one.name, make("td", {}, one.size.join("×")),
    make("td", { class: "number" }, exact(one.count)), make("td", {}, what)])));
}

function figures(layer) {
  const receptive = layer.receptiveField;
  const entries = [
    ["Learnables", layer.learnableCount
      && `${exact(layer.learnableCount)} (${percent(layer.learnableShare)} of the network)`],
    ["Multiply-adds", layer.multiplyAdds && `${exact(layer.multiplyAdds)} per observation`],
    ["Activation memory", layer.activationBytes
      && `${bytes(layer.activationBytes * batch)} for ${counted(batch, "observation")}`],
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
