// Files for elsewhere: the graph as SVG and PNG, the table as CSV.

const LARGEST = 16000, AREA = 1.2e8; // pixels of a side and of a picture that browsers draw
const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "font-family",
  "text-anchor", "opacity", "paint-order", "marker-end", "transform"];
const USUAL = { fill: "", stroke: "none", "stroke-width": "1px", "stroke-dasharray": "none", "text-anchor": "start",
  opacity: "1", "paint-order": "normal", "marker-end": "none", transform: "none" };

/** The whole graph as text of an SVG file, with every style as an attribute, as other programs want it. */
function graphAsSvg() {
  const marked = [...scene.querySelectorAll(".chosen, .dim")].map((one) => [one, one.getAttribute("class")]);
  marked.forEach(([one]) => one.classList.remove("chosen", "dim"));
  bands.forEach((one) => { one.group.style.display = ""; one.shown = true; });
  setDetail(MOST);
  const margin = 16, [width, height] = drawing.size.map((size) => size + 2 * margin);
  const copy = shape("svg", { xmlns: "http://www.w3.org/2000/svg", width, height,
    viewBox: `${-margin} ${-margin} ${width} ${height}` },
  shape("title", {}, analysis.name),
  shape("rect", { x: -margin, y: -margin, width, height, fill: getComputedStyle(byId("graph")).backgroundColor }),
  drawnCopy(svg.querySelector("defs")), drawnCopy(scene));
  copy.querySelector("#scene").removeAttribute("transform");
  marked.forEach(([one, name]) => one.setAttribute("class", name));
  show();
  return new XMLSerializer().serializeToString(copy);
}

/** A copy of an element without what is not seen; styles that differ from the usual ones become attributes. */
function drawnCopy(element) {
  const style = getComputedStyle(element);
  if (element.localName !== "defs" && (style.display === "none" || style.visibility === "hidden")) return null;
  const copy = shape(element.localName);
  for (const name of ["id", "d", "x", "y", "rx", "r", "cx", "cy", "width", "height", "transform", "viewBox", "refX", "refY",
    "markerWidth", "markerHeight", "markerUnits", "orient"]) {
    if (element.hasAttribute(name)) copy.setAttribute(name, element.getAttribute(name));
  }
  if (/^(path|rect|circle|text)$/.test(element.localName)) {
    for (const name of DRAWN) {
      const value = style.getPropertyValue(name).replaceAll('"', name === "marker-end" ? "" : "'");
      const own = name.startsWith("font") ? element.localName === "text" : value !== USUAL[name];
      if (own && value) copy.setAttribute(name, value);
    }
  }
  for (const child of element.childNodes) {
    const kept = child.nodeType === Node.TEXT_NODE ? child.textContent : drawnCopy(child);
    if (kept) copy.append(kept);
  }
  return copy;
}

/** The same as a picture, twice as large, or as large as browsers draw it. */
function graphAsPng() {
  const text = graphAsSvg();
  const [width, height] = drawing.size.map((size) => size + 32);
  const scale = Math.min(2, LARGEST / width, LARGEST / height, Math.sqrt(AREA / width / height));
  return new Promise((done, failed) => {
    const picture = new Image();
    picture.onload = () => {
      const paper = make("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
      paper.getContext("2d").drawImage(picture, 0, 0, paper.width, paper.height);
      paper.toBlob(done, "image/png");
    };
    picture.onerror = failed;
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
}

/** The table in the order in which it is sorted, with exact numbers. */
function tableAsCsv() {
  const heads = ["Index", "Name", "Type", "Factory", "Activations", "Learnable sizes", "Learnables", "Frozen learnables",
    "Share of learnables", "Multiply-adds", "Activation bytes", "Receptive field", "Problems"];
  const entries = [...body.rows].map((row) => layers[row.dataset.index - 1]).map((layer) => [
    layer.index, layer.name, layer.type, layer.factory, sizeLines(layer).join("; "),
    layer.learnables.map((one) => `${one.name} ${one.size.join("×")}`).join("; "), layer.learnableCount,
    layer.learnables.reduce((sum, one) => sum + (one.frozen ? one.count : 0), 0), layer.learnableShare, layer.multiplyAdds,
    layer.activationBytes * batch, layer.receptiveField ? field(layer.receptiveField) : "",
    layer.issues.map((i) => analysis.issues[i].message).join("; ")]);
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return `\ufeff${[heads, ...entries].map((entry) => entry.map(quoted).join(",")).join("\r\n")}\r\n`;
}

function save(content, kind, ending) {
  const name = (analysis.name || "network").replace(/[^\p{L}\p{N}_.-]+/gu, "_");
  const source = URL.createObjectURL(new Blob([content], { type: kind }));
  const anchor = make("a", { href: source, download: `${name}.${ending}` });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(source), 60000);
}

function listenToSave() {
  const actions = {
    svg: () => save(graphAsSvg(), "image/svg+xml", "svg"),
    png: async () => save(await graphAsPng(), "image/png", "png"),
    csv: () => save(tableAsCsv(), "text/csv;charset=utf-8", "csv"),
  };
  for (const [ending, action] of Object.entries(actions)) {
    byId(`save-${ending}`).addEventListener("click", () => {
      byId("save").open = false;
      action();
    });
  }
}
