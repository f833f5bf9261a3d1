"""What a reader does with the page in a browser: heat, panes, files, search, batches, in a notebook as well."""

import csv
import re
from io import StringIO
from xml.etree import ElementTree

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.report.page import CONTRAST


def test_the_size_of_a_pooling_layer_is_drawn_only_where_it_is_selected(show):
    page = show("unpooling")
    seen = "return getComputedStyle(document.querySelector('#scene .edge.size path')).visibility"
    assert page.run(seen) == "hidden"
    page.run("select(byName.get('pool'))")
    assert page.run(seen) == "visible"
    page.run("select(byName.get('conv'))")
    assert page.run(seen) == "hidden"
    assert page.run("return getComputedStyle(document.querySelector('#scene .edge.indices path')).visibility") == "visible"


def test_without_a_selection_the_table_has_all_the_room_and_a_broken_network_opens_at_its_first_error(show):
    page = show("digits")
    assert not page.one("#details").is_displayed()
    low, table = page.run("return ['main', 'layers'].map((id) => byId(id).getBoundingClientRect().bottom)")
    assert low - table < 20
    page.all("#table tbody tr")[11].click()
    page.settle()
    assert page.one("#details").is_displayed()
    assert page.inside("#table tr[aria-selected=true]", "#layers")
    page.one("#close").click()
    assert not page.one("#details").is_displayed()
    page = show("broken")
    assert page.chosen() == [page.run("return byName.get(issues[0].layer)")] * 3


def test_a_fix_has_a_line_and_its_code_a_button_that_copies_it(show):
    page = show("broken")
    fixes = page.run("return [...document.querySelectorAll('#problems .fix')].map(p => p.textContent)")
    assert len(fixes) == len(page.all("#problems li"))
    assert all(text.startswith("Fix:") for text in fixes)
    codes = page.run("return [...document.querySelectorAll('#problems .code')].map(c => c.textContent)")
    (code,) = [one for one in codes if one.startswith("connectLayers(") and "lost/in" in one]
    page.run("window.copied = []; copyText = (text) => copied.push(text)")
    page.run("[...document.querySelectorAll('#problems .copy')].find(b => b.ariaLabel.includes('lost/in')).click()")
    assert page.run("return copied") == [code]
    parts = page.run("""return fixText("Use `Padding='same'` or f(a, g(1, [2 3])). Then x = h('y'), not z.")
        .map(part => part.tagName ? [part.tagName, part.textContent] : part)""")
    assert parts == ["Use ", ["CODE", "Padding='same'"], "", ["BUTTON", "Copy"], " or ", ["CODE", "f(a, g(1, [2 3]))"], ".",
                     ["BUTTON", "Copy"], " Then ", ["CODE", "x = h('y')"], ",", ["BUTTON", "Copy"], " not z."]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_heat_colours_graph_and_table_alike_with_a_scale_and_readable_text(show, theme):
    page = show("digits")
    page.run("document.documentElement.dataset.theme = arguments[0]", theme)
    for name in ("learnables", "adds", "memory"):
        page.run("byId('measure').value = arguments[0]; byId('measure').dispatchEvent(new Event('change'))", name)
        pairs = page.run("""const number = columns.findIndex((one) => one.key === measure);
            return layers.map((layer, i) => [MEASURES[measure].of(layer), rows[i].cells[number], nodes[i]].map((one) =>
              one.style ? one.classList.contains('hot') && one.style.getPropertyValue('--heat') : one))""")
        assert all(cell == node and bool(cell) == (value > 0) for value, cell, node in pairs)
        assert len({cell for _, cell, _ in pairs}) > 3
        assert page.run(CONTRAST) == []
    assert "Activation memory" in page.text("#scale")
    page.run("byId('measure').value = ''; byId('measure').dispatchEvent(new Event('change'))")
    assert page.all(".hot") == []
    assert not page.one("#scale").is_displayed()


def test_panes_are_split_by_mouse_and_keys_and_remembered(show):
    page = show("digits", fragment="#layer=fc")
    width = "return byId('graph').offsetWidth"
    before = page.run(width)
    webdriver.ActionChains(page.browser).drag_and_drop_by_offset(page.one("#split-graph"), 150, 0).perform()
    page.settle()
    wider = page.run(width)
    assert wider == pytest.approx(before + 150, abs=20)
    page.browser.refresh()
    page.settle()
    assert page.run(width) == wider
    page.run("byId('split-graph').focus()")
    page.press(Keys.ARROW_LEFT)
    assert page.run(width) < wider
    high = page.run("return byId('details').offsetHeight")
    page.run("byId('split-details').focus()")
    page.press(Keys.ARROW_UP)
    assert page.run("return byId('details').offsetHeight") > high
    page.press(Keys.HOME)
    value = page.run("const bar = byId('split-details'); return [bar.ariaValueNow, bar.ariaValueMin, bar.role]")
    assert value == ["12", "12", "separator"]
    page.run("localStorage.clear()")


def test_files_for_elsewhere_hold_the_whole_graph_and_table(show):
    page = show("unpooling")
    text = page.run("return graphAsSvg()")
    root = ElementTree.fromstring(text)
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"images", "pool", "unpool", "2-D Max Pooling"} <= set(texts)
    assert not re.search(r"var\(|class=|style=", text)
    assert all(one.get("fill") for one in root.iter("{http://www.w3.org/2000/svg}text"))
    kind, size = page.browser.execute_async_script("""const done = arguments[0];
        graphAsPng().then((blob) => createImageBitmap(blob).then((image) =>
          done([blob.type, [image.width, image.height]])))""")
    assert kind == "image/png"
    assert size == page.run("return drawing.size.map(one => 2 * (one + 32))")
    rows = list(csv.reader(StringIO(page.run("return tableAsCsv()").removeprefix("\ufeff"))))
    assert len(rows) == 1 + page.run("return layers.length")
    assert rows[2][:4] == ["2", "pool", "2-D Max Pooling", "maxPooling2dLayer"]
    page.run("window.saved = []; save = (content, kind, ending) => saved.push(ending)")
    for ending in ("svg", "csv"):
        page.one("#save summary").click()
        page.one(f"#save-{ending}").click()
    assert page.run("return saved") == ["svg", "csv"]


def test_weights_of_trained_networks_have_histograms(show):
    page = show("trained", fragment="#layer=fc")
    weights, bias = page.all("#details .histogram")
    assert len(weights.find_elements("css selector", ".bin")) == 32
    assert re.match(r"Weights: mean −?[\d.]+, standard deviation [\d.]+", weights.text)
    assert bias.is_displayed()
    assert page.run("return layers[1].learnables.map((one) => Object.keys(one).sort().join())") == [
        "count,frozen,histogram,name,size"] * 2  # and no values


@pytest.mark.parametrize(("words", "found"), [
    ("convolution2dLayer", [2, 6]), ("28x28x8", [2, 3, 4, 5]), ("28×28×1", [1, 2]), ("3x3x1x8", [2]), ("8x8", []),
    ("pooling 14x14", [5, 9]), ("activation", [4, 8, 11]), ("frozen", []), ("error", [])])
def test_the_search_finds_factories_sizes_and_kinds(show, words, found):
    page = show("digits")
    page.run("byId('search').value = arguments[0]; search()", words)
    assert page.rows() == found


def test_the_search_finds_ports_and_problems(show):
    page = show("unpooling")
    page.run("byId('search').value = 'indices'; search()")
    assert page.rows() == page.run("return [byName.get('pool'), byName.get('unpool')]")
    page = show("broken")
    page.run("byId('search').value = 'error'; search()")
    assert page.rows() == page.run("return layers.filter(l => severity(l) === 'error').map(l => l.index)")


@pytest.mark.parametrize("typed", ["0", "-3", "1.5", ""])
def test_a_batch_that_is_none_is_said_beside_the_field(show, typed):
    page = show("digits")
    before = page.text("#memory")
    page.run("const field = byId('batch'); field.value = arguments[0]; field.dispatchEvent(new Event('input'))", typed)
    assert page.one("#batch-error").is_displayed()
    assert "whole number, at least 1" in page.text("#batch-error")
    assert page.text("#memory") == before
    page.run("const field = byId('batch'); field.value = 2; field.dispatchEvent(new Event('input'))")
    assert not page.one("#batch-error").is_displayed()


def test_it_works_inside_of_a_notebook_that_allows_nothing_but_scripts(show, pages):
    page = show("empty")
    page.run("""const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts'; frame.style = 'position: fixed; inset: 0; width: 100%; height: 600px';
        addEventListener('message', (event) => { window.heard = event.data; });
        frame.srcdoc = arguments[0]; document.body.append(frame);""", pages["broken"].read_text(encoding="utf-8") + """
        <script>
        document.querySelector("#problems a[href='#layer=lost']").click();
        changeTheme(); pickColumns(["index", "name"]);
        setTimeout(() => parent.postMessage([document.querySelector("#details h2").textContent, innerHeight >=
          document.documentElement.scrollHeight, byId("canvas").clientHeight > 150], "*"), 50);</script>""")
    WebDriverWait(page.browser, 10).until(lambda _: page.run("return window.heard"))
    assert page.run("return heard") == ["lost", True, True]


def test_a_frame_that_gets_its_size_late_has_the_graph_in_sight(show, pages):
    """A notebook puts the output where it is not laid out yet."""
    page = show("digits")
    page.run("""const frame = document.createElement('iframe');
        frame.style = 'width: 0; height: 600px; position: absolute; top: 0; left: 0';
        frame.srcdoc = arguments[0];
        document.body.append(frame);
        return new Promise((done) => { frame.onload = () => setTimeout(() => {
          frame.style.width = '1000px';
          setTimeout(done, 400);
        }, 100); });""", pages["digits"].read_text(encoding="utf-8"))
    lefts, rights, pane = page.run("""const inner = document.querySelector('iframe').contentDocument;
        const boxes = [...inner.querySelectorAll('.node .box')].map((node) => node.getBoundingClientRect());
        const { left, right } = inner.getElementById('canvas').getBoundingClientRect();
        const seen = boxes.filter(({ width }) => width);
        return [seen.map((box) => box.left), seen.map((box) => box.right), [left, right]]""")
    assert len(lefts) > 4
    assert pane[0] < min(lefts) < max(rights) < pane[1]
