"""The page in a browser: it draws, selects, searches, sorts, prints, and neither complains nor loads anything."""

import base64
import re

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.report.networks import NASTY, NETWORKS
from tests.report.page import CONTRAST

COLUMNS = 10


def test_chromium_runs(started):
    if isinstance(started, Exception):
        pytest.fail(f"The report is tested in Chromium, which does not run here. {getattr(started, 'msg', started)} Install "
                    "Chromium and the driver of the same version, on Debian with: apt-get install chromium chromium-driver",
                    pytrace=False)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_and_connection_is_drawn(show, name):
    page = show(name)
    layers, connections = page.run("return [analysis.layers.length, analysis.connections.length]")
    assert page.rows() == list(range(1, layers + 1))
    assert len(page.all(".node")) == layers
    assert len(page.all("#scene .edge path")) == connections
    assert len(page.all("#problems li")) == page.run("return analysis.issues.length")
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_the_header_tells_the_totals_and_memory_for_any_batch(show):
    page = show("digits")
    assert page.text("h1") == "network"
    totals = page.run("return Object.fromEntries([...document.querySelectorAll('#totals div')].map("
                      "d => [d.children[0].textContent, [d.children[1].textContent, d.title]]))")
    assert totals["Layers"][0] == "12"
    assert totals["Errors"][0] == "0"
    learnables = page.run("return analysis.summary.learnables")
    assert totals["Learnables"] == [f"{learnables / 1000:.3g}k", f"{learnables:,}"]
    per_one = page.run("return analysis.summary.activationBytes")
    batch = page.one("#batch")
    assert batch.get_attribute("value") == "1"
    batch.clear()
    batch.send_keys("64")
    assert page.run("return byId('memory').title") == f"{64 * per_one:,} bytes"
    memory = page.run("return layers[1].activationBytes")
    assert page.run("return rows[1].cells[8].firstChild.title") == f"{64 * memory:,}"


def test_a_row_selects_the_node_and_a_node_the_row(show):
    page = show("digits")
    page.all("#table tbody tr")[9].click()
    page.settle()
    assert page.chosen() == [10, 10, 10]
    assert page.inside(".node.chosen .box", "#canvas")
    assert page.text("#details h2") == "fc"
    page.run("start()")
    page.settle()
    page.one("#node-2").click()
    assert page.chosen() == [2, 2, 2]
    assert page.inside("#table tr[aria-selected=true]", "#layers")
    assert page.run("return location.hash") == "#layer=conv_1"


def test_the_details_say_why_a_size_is_as_it_is(show):
    page = show("digits", fragment="#layer=conv_1")
    details = page.text("#details")
    assert "floor((28 − 3 + 1 + 1)/1) + 1 = 28" in details
    for words in ("convolution2dLayer", "imageinput", "batchnorm_1", "28(S) × 28(S) × 8(C) × 1(B)", "3×3×1×8", "FilterSize"):
        assert words in details
    page.one("#details a[href='#layer=batchnorm_1']").click()
    page.settle()
    assert page.chosen() == [3, 3, 3]


def test_the_search_filters_rows_dims_nodes_and_walks_matches(show):
    page = show("digits")
    page.one("body").send_keys("/")
    assert page.run("return document.activeElement.id") == "search"
    page.press("conv 2-d")
    assert page.rows() == [2, 6]
    assert page.text("#found") == "2 of 12"
    assert page.run("return [...document.querySelectorAll('.node:not(.dim)')].map(n => Number(n.dataset.index))") == [2, 6]
    seen = []
    for _ in range(3):
        page.press(Keys.ENTER)
        seen.append(page.chosen()[0])
    assert seen == [2, 6, 2]
    page.press(Keys.ESCAPE)
    assert (len(page.rows()), page.text("#found"), page.chosen()) == (12, "", [2, 2, 2])
    page.press(Keys.ESCAPE)
    assert page.chosen() == [0, 0, 0]


@pytest.mark.parametrize("column", range(COLUMNS))
def test_every_column_sorts_both_ways(show, column):
    page = show("digits")
    head = page.all("#table thead th")
    assert len(head) == COLUMNS
    orders = {}
    for _ in range(2):
        head[column].find_element(By.TAG_NAME, "button").click()
        order = head[column].get_attribute("aria-sort")
        orders[order] = page.run("return [...body.rows].map(r => columns[arguments[0]].value(layers[r.dataset.index - 1]))"
                                 ".map(v => v === Infinity ? 1e99 : v)", column)
        assert [one.get_attribute("aria-sort") for one in head].count("none") == COLUMNS - 1
    assert set(orders) == {"ascending", "descending"}
    values = orders["ascending"]
    if isinstance(values[0], str):
        assert values == page.run("return arguments[0].sort((a, b) => a.localeCompare(b, 'en', {numeric: true}))", values)
    else:
        assert values == sorted(values)
    assert orders["descending"] == values[::-1]
    assert len(set(values)) > 1


def test_problems_lead_to_their_layers(show):
    page = show("broken")
    assert page.text("#problems summary") == f"{page.run('return analysis.summary.errors')} errors"
    link = next(one for one in page.all("#problems a") if one.text.startswith("sum "))
    link.click()
    page.settle()
    assert page.chosen() == [3, 3, 3]
    assert page.inside(".node.chosen .box", "#canvas")
    page.run("moveView(1, -5000, -5000)")
    page.settle()
    assert not page.inside(".node.chosen .box", "#canvas")
    link.click()  # again
    page.settle()
    assert page.inside(".node.chosen .box", "#canvas")
    assert "additionLayer" in page.text("#details .issues")
    marked = page.run("return [...document.querySelectorAll('.node.error')].map(n => layers[n.dataset.index - 1].name)")
    assert {"sum", "lost"} <= set(marked)
    assert len(page.all("#scene .edge.cycle")) == 2


def test_unpooling_connections_have_styles_and_a_legend(show):
    page = show("unpooling")
    styles = page.run("return ['data', 'indices', 'size'].map(k => getComputedStyle(document.querySelector("
                      "`#scene .edge.${k} path`))).map(s => `${s.stroke} ${s.strokeDasharray}`)")
    assert len(set(styles)) == 3
    assert "indices of the maxima" in page.text("#legend")
    assert "on a cycle" not in page.text("#legend")


def test_no_drawn_path_leaves_the_way_that_was_found_for_it(show):
    page = show("unpooling")
    apart = page.run("""return lines.map((line, i) => {
        const path = line.querySelector('path'), points = drawing.routes[i], box = path.getBBox();
        const xs = points.filter((_, j) => j % 2 === 0), ys = points.filter((_, j) => j % 2);
        return Math.max(Math.min(...xs) - box.x, box.x + box.width - Math.max(...xs),
          Math.min(...ys) - box.y, box.y + box.height - Math.max(...ys)); });""")
    assert max(apart) <= 5  # indices and sizes run side by side


def test_the_keyboard_follows_connections_and_rows(show):
    page = show("unpooling")
    page.run("byId('canvas').focus()")
    for key, expected in ((Keys.ARROW_DOWN, 1), (Keys.ARROW_DOWN, 2), (Keys.ARROW_DOWN, 3), (Keys.ARROW_UP, 2)):
        page.press(key)
        assert page.chosen() == [expected] * 3
    assert page.run("return byId('canvas').getAttribute('aria-activedescendant')") == "node-2"
    page.press(Keys.ENTER)
    assert page.run("return document.activeElement.id") == "details"
    page.run("rows[1].focus()")
    page.press(Keys.ARROW_DOWN)
    assert page.chosen() == [3, 3, 3]
    page.press(Keys.END)
    assert page.chosen()[0] == page.run("return layers.length")
    page.press(Keys.HOME)
    assert page.chosen()[0] == 1
    assert page.run("return document.activeElement === rows[0]")
    page.press(Keys.ESCAPE)
    assert page.chosen() == [0, 0, 0]


def test_readers_of_screens_hear_options_rows_and_headings(show):
    page = show("broken", fragment="#layer=sum")
    page.settle()
    heard = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [(one["role"]["value"], one.get("name", {}).get("value", "")) for one in heard if not one["ignored"]]
    options = [name for role, name in named if role == "option" and ", " in name]
    assert len(options) == page.run("return layers.length")
    assert options[2] == "sum, Addition, ?, has errors"
    assert [name for role, name in named if role == "columnheader"] == page.run("return columns.map(one => one.title)")
    assert {("grid", "Layers"), ("region", "Graph"), ("region", "Details of the selected layer")} <= set(named)
    assert [name for role, name in named if role in ("button", "link", "searchbox", "spinbutton") and not name] == []


def test_left_and_right_change_between_branches(show):
    page = show("broken")
    page.run("select(byName.get('conv')); byId('canvas').focus()")
    beside = page.run("""const [, y] = drawing.centres[1];
        return layers.map((one) => [...drawing.centres[one.index - 1], one.index]).filter((one) => one[1] === y)
          .sort((a, b) => a[0] - b[0]).map((one) => one[2]);""")
    assert len(beside) > 1
    place = beside.index(2)
    key, expected = (Keys.ARROW_RIGHT, beside[place + 1]) if place == 0 else (Keys.ARROW_LEFT, beside[place - 1])
    page.press(key)
    assert page.chosen() == [expected] * 3


def test_the_tabulator_key_reaches_everything_and_focus_is_seen(show):
    page = show("unpooling")
    reached = []
    for _ in range(40):
        page.press(Keys.TAB)
        reached.append(page.run("const e = document.activeElement; return e.id || e.tagName"))
        if reached[-1] == "TR":
            break
    for wanted in ("batch", "theme", "search", "measure", "SUMMARY", "keys", "canvas", "zoom-in", "zoom-out", "fit",
                   "split-graph", "TR"):
        assert wanted in reached
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_zoom_by_keys_buttons_and_wheel_pan_by_dragging(show):
    page = show("unpooling")
    page.settle()
    before = page.scale()
    page.one("#zoom-in").click()
    page.settle()
    assert page.scale() > before
    page.run("byId('canvas').focus()")
    page.press("0")
    assert page.inside("#scene", "#canvas")
    scale = page.scale()
    actions = webdriver.ActionChains(page.browser)
    actions.scroll_from_origin(webdriver.common.actions.wheel_input.ScrollOrigin.from_element(page.one("#canvas")), 0, -200)
    actions.perform()
    page.settle()
    assert page.scale() > scale
    x, y = page.run("return [view.x, view.y]")
    webdriver.ActionChains(page.browser).move_to_element(page.one("#canvas")).click_and_hold().move_by_offset(
        30, 20).release().perform()
    page.settle()
    assert page.run("return [view.x, view.y]") == pytest.approx([x + 30, y + 20])
    assert page.chosen() == [0, 0, 0]  # a drag is no click


def test_two_fingers_zoom(show):
    page = show("unpooling")
    page.settle()
    before = page.scale()
    page.run("""const at = (type, id, x) => canvas.dispatchEvent(new PointerEvent(type, {pointerId: id, pointerType: 'touch',
          clientX: x, clientY: 400, buttons: 1, bubbles: true}));
        canvas.setPointerCapture = () => {};
        at('pointerdown', 1, 200); at('pointerdown', 2, 300); at('pointermove', 2, 400);
        at('pointerup', 1, 200); at('pointerup', 2, 400);""")
    page.settle()
    assert page.scale() == pytest.approx(2 * before)


def test_small_graphs_are_shown_whole_and_long_ones_from_the_top_in_a_readable_size(show):
    assert show("broken").inside("#scene", "#canvas")
    page = show("long_chain")
    page.settle()
    assert page.scale() >= 0.8
    assert page.inside("#node-1 .box", "#canvas")
    rendered = page.run("return bands.filter(one => one.group.style.display !== 'none').length / bands.length")
    assert rendered < 0.1
    page.one("#fit").click()
    page.settle()
    assert page.run("return view.detail") == "boxes"
    assert page.run("return nodes[500].getBoundingClientRect().width") > 20  # and more than a line
    assert page.inside("#node-1000 .box", "#canvas")
    assert page.run("return bands.every(one => one.group.style.display !== 'none')")


def test_the_graph_glides_to_what_is_selected_in_the_table(show):
    page = show("long_chain")
    page.settle()
    heights = page.browser.execute_async_script("""const done = arguments[0], seen = [];
        const look = () => { seen.push(view.y); if (view.glide) requestAnimationFrame(look); else done(seen); };
        select(900, "table"); look();""")
    assert len(heights) > 2
    assert heights == sorted(heights, reverse=True)
    page.settle()
    assert page.inside("#node-900 .box", "#canvas")


def test_it_jumps_for_readers_who_do_not_like_motion(show):
    page = show("long_chain")
    page.settle()
    emulate(page, "prefers-reduced-motion", "reduce")
    assert page.run("select(900, 'table'); return view.glide") is None
    page.settle()
    assert page.inside("#node-900 .box", "#canvas")
    emulate(page)


def emulate(page, feature=None, value=None):
    """What the reader's system prefers; nothing without a feature."""
    features = [{"name": feature, "value": value}] if feature else []
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def headings(page):
    return [one.text.split("\n")[0] for one in page.all("#table thead th") if one.is_displayed()]


def test_columns_that_do_not_fit_are_written_shorter_then_left_out_and_names_are_never_cut(show):
    fits = "return byId('layers').scrollWidth <= byId('layers').clientWidth"
    cut = "return rows.filter(row => row.cells[1].scrollWidth > row.cells[1].clientWidth + 1).length"
    page = show("unpooling", width=1920)
    page.settle()
    assert (len(headings(page)), page.run(fits)) == (COLUMNS, True)
    assert "out 8(S) × 8(S) × 1(C) × 1(B)" in page.one("#table tbody").text
    for width, least, most in ((1366, COLUMNS - 3, COLUMNS), (900, 5, COLUMNS - 2), (700, 4, COLUMNS)):
        page = show("unpooling", width=width)
        if width <= 800:
            page.one("#tab-layers").click()
        page.settle()
        assert "out 8×8×1\n" in page.one("#table tbody").text
        assert least <= len(headings(page)) <= most
        assert (page.run(fits), page.run(cut)) == (True, 0)


def test_readers_choose_columns_and_the_browser_remembers(show):
    page = show("unpooling")
    page.one("#columns summary").click()
    page.one("#columns input[value=type]").click()
    assert "Type" not in headings(page)
    page.browser.refresh()
    page.settle()
    assert "Type" not in headings(page)
    page.one("#columns summary").click()
    all_, fitting = page.all("#columns button")
    all_.click()
    assert len(headings(page)) == COLUMNS
    fitting.click()
    assert page.run("return [picked, stored('columns')]") == [None, None]
    page.press(Keys.ESCAPE)
    assert not page.run("return byId('columns').open")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", ["broken", "pieces", "long_chain"])
def test_the_zoom_buttons_cover_no_layer_at_first(show, name, width):
    page = show(name, width=width)
    for begin in ("start()", "fit()"):
        page.run(begin)
        page.settle()
        assert page.run("""const tools = document.querySelector('.tools').getBoundingClientRect();
            return nodes.map((one) => one.querySelector('.box').getBoundingClientRect()).filter((box) =>
              box.right > tools.left && box.left < tools.right && box.top < tools.bottom).length""") == 0


def test_light_and_dark(show):
    page = show("digits")
    colours = []
    for _ in range(2):
        colours.append(page.run("return getComputedStyle(document.body).backgroundColor"))
        page.one("#theme").click()
    assert colours == ["rgb(244, 246, 248)", "rgb(20, 24, 29)"]
    page.one("#theme").click()
    page.browser.refresh()
    assert page.run("return getComputedStyle(document.body).backgroundColor") == colours[1]  # it is remembered
    page.run("localStorage.clear()")
    emulate(page, "prefers-color-scheme", "dark")
    page.browser.refresh()
    assert page.run("return getComputedStyle(document.body).backgroundColor") == colours[1]
    emulate(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast(show, theme):
    page = show("broken", fragment="#layer=sum")
    page.run("document.documentElement.dataset.theme = arguments[0]", theme)
    page.settle()
    assert page.run(CONTRAST) == []


def test_names_are_text_and_never_markup(show):
    page = show("nasty")
    page.all("#table tbody tr")[0].click()
    page.settle()
    assert page.text("#details h2") == NASTY
    assert page.all("img") == []
    page.all("#table tbody tr")[2].click()
    assert page.chosen() == [3, 3, 3]
    page.run("history.replaceState(null, '', '#'); location.hash = '#layer=' + encodeURIComponent('a <b> & c')")
    page.settle()
    assert page.chosen() == [2, 2, 2]


def test_a_link_opens_the_report_at_a_layer(show):
    page = show("long_chain", fragment="#layer=relu_900")
    page.settle()
    assert page.text("#details h2") == "relu_900"
    assert page.inside(".node.chosen .box", "#canvas")
    assert page.inside("#table tr[aria-selected=true]", "#layers")


@pytest.mark.parametrize("address", ["#layer=nobody", "#layer=%E0%A4%A", "#other"])
def test_links_to_no_layer_do_nothing(show, address):
    assert show("digits", fragment=address).chosen() == [0, 0, 0]


def test_on_a_telephone_there_is_one_view_at_a_time(show):
    page = show("digits", width=390, height=844)
    page.settle()
    assert page.run("return document.documentElement.scrollWidth") == 390
    for name in ("layers", "details", "graph"):
        page.one(f"#tab-{name}").click()
        shown = page.run("return ['graph', 'layers', 'details'].filter("
                         "id => byId(id).checkVisibility({visibilityProperty: true}))")
        assert shown == [name]
        assert page.one(f"#tab-{name}").get_attribute("aria-selected") == "true"
    page.one("#node-3").click()
    page.one("#chosen").click()
    assert page.text("#details h2") == "batchnorm_1"
    assert page.run("return document.body.dataset.tab") == "details"


def pdf_of(page):
    printed = page.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    return base64.b64decode(printed["data"])


@pytest.mark.parametrize(("name", "least", "most"),
                         [("empty", 1, 1), ("one", 1, 1), ("broken", 1, 2), ("long_chain", 10, 40)])
def test_it_prints_and_is_as_before_afterwards(show, name, least, most):
    page = show(name)
    page.settle()
    before = page.run("return scene.getAttribute('transform')")
    content = pdf_of(page)
    assert content.startswith(b"%PDF")
    assert least <= len(re.findall(rb"/Type\s*/Page\b", content)) <= most
    assert page.run("return [scene.getAttribute('transform'), byId('pages').childElementCount]") == [before, 0]


def test_the_printed_graph_is_cut_between_rows_and_complete(show):
    page = show("digits")
    page.run("drawPages(700, 400)")
    views = page.run("return [...byId('pages').children].map(one => one.viewBox.baseVal).map(b => [b.y, b.y + b.height])")
    rows = page.run("return drawing.centres.map(([, y]) => [y - HEIGHT / 2, y + HEIGHT / 2])")
    assert len(views) > 1
    assert all(sum(top <= low and high <= bottom for top, bottom in views) == 1 for low, high in rows)
    page.run("removePages()")


def test_time_is_a_letter_and_the_number_of_sequences_a_dotted_line(show):
    page = show("films")
    labels = page.run("return [...document.querySelectorAll('#scene .dims')].map(one => one.textContent)")
    assert labels[:4] == ["8×8×1×T", "8×8×1", "6×6×4", "6×6×4×T"]
    dashes = page.run("return getComputedStyle(document.querySelector('#scene .edge.miniBatchSize path')).strokeDasharray")
    assert dashes != "none"
    assert "number of sequences" in page.text("#legend")
