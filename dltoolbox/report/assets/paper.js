// The graph on paper.

const MARGIN = 16; // around the drawing, about half of what lies between rows

/** On a page of A4, below the problems where they leave enough of it. */
function printGraph() {
  const room = 860 - 60 * analysis.issues.length;
  drawPages(700, room >= 450 ? room : 940);
}

/** The graph for paper: cut between rows into columns side by side, as many as make it largest on a page. */
function drawPages(width, height) {
  const w = drawing.size[0] + 2 * MARGIN;
  const ends = [...new Set(drawing.centres.map(([, y]) => y + HEIGHT / 2 + MARGIN))].sort((a, b) => a - b);
  ends[ends.length - 1] = Math.max(ends.at(-1), drawing.size[1] + MARGIN / 2); // what runs below the last row
  let best = { scale: 0, cuts: [0, 0] };
  for (let columns = 1; columns <= 40; columns += 1) {
    const each = Math.ceil(ends.length / columns);
    const cuts = [-MARGIN, ...ends.filter((_, i) => (i + 1) % each === 0 || i + 1 === ends.length)];
    const tallest = Math.max(...cuts.slice(1).map((cut, i) => cut - cuts[i]));
    const scale = Math.min(1, width / (w * (cuts.length - 1)), height / tallest);
    if (scale > best.scale) best = { scale, cuts };
  }
  bands.forEach((one) => { one.group.style.display = ""; one.shown = true; });
  setDetail(best.scale * 1.4); // paper is finer than a screen
  byId("pages").replaceChildren(...best.cuts.slice(1).map((cut, i) => {
    const top = best.cuts[i], seen = bands.filter((one) => one.bottom > top && one.top < cut);
    return shape("svg", { viewBox: `${-MARGIN} ${top} ${w} ${cut - top}`, width: Math.floor(w * best.scale),
      height: Math.floor((cut - top) * best.scale) }, seen.map((one) => shape("use", { href: `#${one.group.id}` })));
  }));
}

function removePages() {
  byId("pages").replaceChildren();
  show();
}
