// The panes: how large they are, and menus.

const SPLITS = { graph: { share: 34, least: 15, most: 75 }, details: { share: 44, least: 12, most: 80 } }; // percent of main

/** A bar between two panes: dragged, moved by arrow keys, Home and End, reset by a double click. */
function listenToSplit(name) {
  const bar = byId(`split-${name}`), across = name === "graph";
  const set = (share, keep = true) => {
    const { least, most } = SPLITS[name];
    const value = Math.round(Math.min(most, Math.max(least, share)) * 10) / 10;
    byId("main").style.setProperty(`--${name}`, `${value}%`);
    bar.setAttribute("aria-valuenow", Math.round(value));
    if (keep) stored(`split-${name}`, value);
    return value;
  };
  let value = set(Number(stored(`split-${name}`)) || SPLITS[name].share, false);
  bar.setAttribute("aria-valuemin", SPLITS[name].least);
  bar.setAttribute("aria-valuemax", SPLITS[name].most);
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
    bar.focus();
  });
  bar.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const box = byId("main").getBoundingClientRect();
    value = set(100 * (across ? (event.clientX - box.left) / box.width : (box.bottom - event.clientY) / box.height));
  });
  bar.addEventListener("dblclick", () => { value = set(SPLITS[name].share); });
  bar.addEventListener("keydown", (event) => {
    const step = across ? { ArrowLeft: -2, ArrowRight: 2 } : { ArrowUp: 2, ArrowDown: -2 };
    const to = { Home: SPLITS[name].least, End: SPLITS[name].most }[event.key] ?? value + step[event.key];
    if (Number.isNaN(to)) return;
    value = set(to);
    event.preventDefault();
  });
}

/** Without a selection the table has the room of the details. */
function showDetails(on) {
  byId("main").classList.toggle("alone", !on);
}

/** Menus close by a click beside them and by Escape. */
function listenToMenus() {
  const menus = [...document.querySelectorAll("details.menu")];
  addEventListener("pointerdown", (event) => menus.forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  }));
  menus.forEach((menu) => menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.firstElementChild.focus();
    event.stopPropagation();
  }));
}

/** Copy text, also where the page may not use the clipboard directly. */
async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "skip" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
