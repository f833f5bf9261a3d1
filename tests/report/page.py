"""The report as its reader uses it, for tests in a browser."""

import os
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1440,900")

# Text whose contrast with what is behind it is below 4.5, as WCAG 2 computes it for level AA.
CONTRAST = """
const canvas2d = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const parsed = (colour) => { canvas2d.clearRect(0, 0, 1, 1); canvas2d.fillStyle = colour; canvas2d.fillRect(0, 0, 1, 1);
  return [...canvas2d.getImageData(0, 0, 1, 1).data]; };
const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
  .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => { for (let e = element; e; e = e.parentElement) {
    const colour = parsed(getComputedStyle(e).backgroundColor); if (colour[3] === 255) return colour; }
  return parsed(getComputedStyle(document.body).backgroundColor); };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const found = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !element.checkVisibility() || element.closest('script, noscript')) continue;
  const svg = element.ownerSVGElement, style = getComputedStyle(element);
  if (element.matches('title')) continue;
  const behind = !svg ? ground(element) : parsed(getComputedStyle(element.classList.contains('mark')
    ? element.parentNode.querySelector('.badge') : element.parentNode.querySelector('.box') ?? byId('graph'))
    [element.closest('.node') ? 'fill' : 'backgroundColor']);
  const value = ratio(parsed(svg ? style.fill : style.color), behind);
  if (value < 4.5) found.push([element.tagName, element.className.baseVal ?? element.className, element.textContent, value]);
}
return found;
"""


def chromium(folder):
    """Chromium, run by its driver, with its profile and all that it leaves behind in a folder."""
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    if missing:
        raise LookupError(f"{' and '.join(missing)} cannot be found.")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(shutil.which("chromedriver"), env=os.environ | {"TMPDIR": folder})
    return webdriver.Chrome(options=options, service=service)


class Page:
    """What a reader does and sees."""

    def __init__(self, browser):
        self.browser = browser

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def settle(self):
        """Wait until the graph has come to rest and the next frame is drawn."""
        self.browser.execute_async_script("""const done = arguments[0];
            const rest = () => requestAnimationFrame(() => view.glide ? rest() : requestAnimationFrame(done));
            rest();""")

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)
        self.settle()

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def rows(self):
        """Indices of the layers in the table, as they are shown."""
        return self.run("return [...document.querySelectorAll('#table tbody tr')].filter(r => !r.hidden)"
                        ".map(r => Number(r.dataset.index))")

    def chosen(self):
        """Indices selected in the table, in the graph, and in the details."""
        return self.run("""const index = (selector) => Number(document.querySelector(selector)?.dataset.index ?? 0);
            return [index('#table tr[aria-selected=true]'), index('.node.chosen'), selected];""")

    def inside(self, selector, frame):
        """Whether an element lies within the part of another that is seen."""
        return self.run("""const [a, b] = [...arguments].map((s) => document.querySelector(s).getBoundingClientRect());
            return a.width > 0 && a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;""",
                        selector, frame)

    def scale(self):
        return self.run("return view.k")
