"""Deep networks in a browser: blocks that fold, encoder–decoders as a U."""

from selenium.webdriver.common.keys import Keys

CROSSED = """const hit = [];
    const points = drawing.routes.map((r) => r.filter((_, i) => i % 2 === 0).map((x, i) => [x, r[2 * i + 1]]));
    drawing.wires.forEach((wire, w) => {
      const ends = ["source", "destination"].map((end) => itemOf(byName.get(connections[wire.connections[0]][end])));
      points[w].slice(1).forEach(([x1, y1], i) => {
        const [x0, y0] = points[w][i];
        drawing.centres.forEach(([x, y], n) => {
          if (!ends.includes(n) && Math.max(x0, x1) > x - WIDTH / 2 && Math.min(x0, x1) < x + WIDTH / 2
              && Math.max(y0, y1) > y - HEIGHT / 2 && Math.min(y0, y1) < y + HEIGHT / 2) hit.push([w, n]);
        });
      });
    });
    return hit;"""


def test_a_deep_network_opens_folded_and_readable(open_deep):
    page = open_deep("residual")
    assert len(page.all(".node")) < 20
    assert page.run("return view.k") >= page.run("return SMEAR")
    assert len(page.rows()) == page.run("return layers.length")
    page.all("#table tbody tr")[9].click()
    page.settle()
    assert page.run("return nodes[itemOf(10)].classList.contains('chosen') && nodes[itemOf(10)].classList.contains('block')")
    assert "In block" in page.text("#details")
    page.one("#fold").click()
    assert len(page.all(".node")) == page.run("return layers.length")
    assert page.one("#fold").text == "Blocks"


def test_blocks_unfold_by_click_and_key_and_no_way_crosses_a_layer(open_deep):
    page = open_deep("residual")
    before = len(page.all(".node"))
    page.all(".node.block")[0].click()
    page.settle()
    assert len(page.all(".frame")) == 1
    assert len(page.all(".node")) > before
    assert page.text("#details .kind").startswith("Block of ")
    page.run("blocks.groups.forEach((_, i) => unfolded.add(i)); redraw()")
    assert len(page.all(".node")) == page.run("return layers.length")
    assert page.run("return drawing.wires.length") == page.run("return connections.length")
    assert page.run(CROSSED) == []
    page.run("unfolded.clear(); redraw(); select(0); byId('canvas').focus()")
    while not page.run("return selectedBlock >= 0"):
        page.press(Keys.ARROW_DOWN)
    page.press(Keys.ENTER)
    assert len(page.all(".frame")) == 1
    page.press("c")
    assert (len(page.all(".frame")), len(page.all(".node"))) == (0, before)


def test_an_encoder_decoder_is_a_u_and_arrow_keys_go_where_they_point(open_deep):
    page = open_deep("unet")
    assert page.run(CROSSED) == []
    level = page.run("return drawing.routes.filter(r => r.length === 4 && r[1] === r[3] && r[2] > r[0]).length")
    assert level == 3
    last = page.run("return layers.length")
    page.run("byId('canvas').focus(); select(layers.length)")
    page.press(Keys.ARROW_DOWN)
    assert page.chosen()[0] == last - 1
    page.press(Keys.ARROW_UP)
    assert page.chosen()[0] == last
