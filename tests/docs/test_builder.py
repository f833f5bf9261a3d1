"""The builder of the site: blocks of pages do what they say, and the pages made of the code are complete."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if not (ROOT / "docs" / "builder").exists():
    pytest.skip("the suite is run without the documents", allow_module_level=True)

import dltoolbox  # noqa: E402
from docs.builder import catalogue, drawing, gallery, reference, reports, snippets  # noqa: E402
from docs.builder.pooling import draw as pooling_pictures  # noqa: E402


def run(text):
    return snippets.Page("page.md", lambda picture: "picture.png").run(text)


def block(code, words=""):
    return f"```python{words}\n{code}\n```"


def test_what_a_block_prints_stands_below_it():
    shown = run("Before.\n\n" + block("print(6 * 7)") + "\n\nAfter.")
    assert re.fullmatch(r"Before\.\n\n```python\nprint\(6 \* 7\)\n```\n\n~~~~ \{.*\.output \}\n42\n~~~~\n\nAfter\.", shown)


def test_blocks_share_names_with_those_that_are_not_shown():
    assert "\n3\n~~~~" in run("<!-- run\nx = 2\n-->\n\n" + block("x += 1") + "\n\n" + block("print(x)"))


def test_indented_blocks_stay_indented():
    assert run("=== \"tab\"\n\n    ```python\n    print(1)\n    ```\n").endswith("    1\n    ~~~~\n")


def test_words():
    assert "42" not in run(block("print(6 * 7)", " quiet"))
    assert "~~~~" not in run(block("1 / 0", " skip"))
    assert "DltoolboxError: " in run(block("from dltoolbox import *\nreluLayer(3)", " raises"))
    assert "UserWarning: oh" in run(block("import warnings\nwarnings.warn('oh', stacklevel=1)", " warns"))
    read = block("from pathlib import Path\nprint(Path('named.py').read_text()[-2])")
    assert "\n7\n" in run(block("seven = 7", " file=named.py") + "\n\n" + read)


@pytest.mark.parametrize("page", [
    block("1 / 0"), block("import warnings\nwarnings.warn('oh', stacklevel=1)"), block("pass", " raises"),
    block("1 / 0", " raises"), "```sh run\nexit 3\n```"])
def test_blocks_that_do_something_else_are_errors(page):
    with pytest.raises(snippets.SnippetError, match=r"page\.md"):
        run(page)


def test_errors_tell_the_line_of_the_page():
    with pytest.raises(snippets.SnippetError, match=r'"page\.md", line 5'):
        run("One.\n\n" + block("x = 1\n1 / 0"))


def test_every_public_name_is_in_a_group():
    assert [name for name in reference.public_names() if reference.group_of(name) is reference.OTHER] == []
    pages = "".join(reference.pages().values())
    assert [name for name in reference.public_names() if f"{{ #{name} }}" not in pages] == []


def test_every_layer_is_in_the_catalogue():
    pages = catalogue.pages()
    assert set(catalogue.FAMILIES) == {reference.family(factory) for factory in dltoolbox.FACTORIES}
    text = "".join(pages.values())
    assert [factory for factory in dltoolbox.FACTORIES if f"{{ #{factory} }}" not in text] == []
    assert [factory for factory in dltoolbox.FACTORIES
            if "nputLayer" not in factory and not catalogue.trials(factory)] == []


def test_what_was_tried_is_what_is_told():
    assert list(catalogue.trials("convolution3dLayer")) == ["sequences of images", "volumes"]
    assert list(catalogue.trials("maxUnpooling2dLayer")) == ["images", "sequences of images"]
    assert "| images | 16(S) × 16(S) × 16(C) × 1(B) | 16(S) × 16(S) × 8(C) × 1(B) | Weights" in catalogue.sizes(
        "convolution2dLayer")


def code_of(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return [match["code"] for match in snippets.BLOCK.finditer(text) if match["code"]]


def test_code_fits_the_page():
    pages = [*(ROOT / "docs").glob("*/*.md"), *(ROOT / "docs").glob("notebooks/*.ipynb")]
    assert [(path.name, line) for path in pages for code in code_of(path) for line in code.splitlines()
            if len(line) > snippets.LONG] == []


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    notebooks = {f"notebooks/{path.stem}.md" for path in (ROOT / "docs" / "notebooks").glob("*.ipynb")}
    assert listed == written | notebooks | set(reference.pages()) | set(catalogue.pages()) | {
        "gallery.md", "developers/contributing.md"}


# Examples of custom loops that print figures alone.
WITHOUT_PICTURE = {"burgers_pinn", "custom_training_loop", "gradient_penalty", "neural_ode", "siamese_digits",
                   "weighted_segmentation_loop"}


def test_every_example_is_in_the_gallery():
    page = gallery.page()
    for path in (ROOT / "examples").glob("*.py"):
        assert f'"examples/{path.name}"' in page
        assert (f"](gallery/{path.stem}.png)" in page) == (path.stem not in WITHOUT_PICTURE)
        assert (ROOT / "docs" / "gallery" / f"{path.stem}.png").exists() == (path.stem not in WITHOUT_PICTURE)


def test_reports_are_of_sound_networks_but_for_one():
    sound = {name: dltoolbox.analyzeNetwork(make(), nargout=1).IsValid for name, make in reports.NETWORKS.items()}
    assert sound == {name: name != "broken" for name in reports.NETWORKS}


def test_notebooks_are_kept_without_outputs():
    for path in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        assert '"outputs": []' in path.read_text(encoding="utf-8")
        assert not re.search(r'"(outputs|execution_count)": (\[\s*\{|\d)', path.read_text(encoding="utf-8"))


def drawn():
    return {name: draw().svg() for name, draw in pooling_pictures.PICTURES.items()}


def test_pictures_of_pooling_are_what_the_layers_compute():
    kept = {path.stem: path.read_text(encoding="utf-8") for path in pooling_pictures.FOLDER.glob("*.svg")}
    assert kept == drawn(), "python -m docs.builder.pooling.draw draws them again"


def test_every_picture_of_pooling_is_shown_and_described():
    text = (ROOT / "docs" / "pooling.md").read_text(encoding="utf-8")
    shown = [(match["path"].split("/")[-1].removesuffix(".svg"), match["alt"]) for match in drawing.PICTURE.finditer(text)]
    assert sorted(name for name, _ in shown) == sorted(pooling_pictures.PICTURES)
    assert len({alt for _, alt in shown}) == len(shown)
    assert min(len(alt) for _, alt in shown) > 20


def test_nothing_is_drawn_beyond_the_sheet():
    for name, svg in drawn().items():
        _, _, width, height = map(float, re.search(r'viewBox="([^"]*)"', svg)[1].split())
        boxes = [[float(n) for n in box] for box in
                 re.findall(r'<rect x="([-.\d]+)" y="([-.\d]+)" width="([-.\d]+)" height="([-.\d]+)"', svg)]
        assert all(x >= 0 <= y and x + w <= width and y + h <= height for x, y, w, h in boxes), name
        assert boxes, name


def test_drawings_are_written_into_pages(tmp_path):
    sheet = drawing.Drawing(40, 40)
    sheet.cell(2, 2, "7")
    (tmp_path / "one.svg").write_text(sheet.svg(), encoding="utf-8")
    (tmp_path / "other.svg").write_text("<svg/>", encoding="utf-8")
    page = drawing.written_in('![A "seven"](one.svg)\n![Again](one.svg)\n![Other](other.svg)', tmp_path)
    one, again, other = page.splitlines()
    assert one.startswith("<svg ")
    assert 'aria-label="A &quot;seven&quot;"><style>' in one
    assert "prefers-color-scheme" not in page
    assert again.endswith(">7</text></svg>")
    assert page.count("<style>") == 1
    assert other == "![Other](other.svg)"
    assert "prefers-color-scheme:dark" in sheet.svg()


@pytest.mark.parametrize(("value", "text"), [
    (3.0, "3"), (2.5, "2.5"), (1 / 3, "0.33"), (-2, "−2"), (-0.001, "0"), (100, "100"), (float("nan"), "NaN"),
    (float("inf"), "∞"), (float("-inf"), "−∞")])
def test_numbers_in_cells(value, text):
    assert drawing.number(value) == text
