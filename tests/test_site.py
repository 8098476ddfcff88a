"""The site: every page is there, every link leads somewhere, and a phone can read it. `make site` is run once."""

import contextlib
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from browser import FLAGS, executable, missing
from common import SOURCE, run_python
from imports import modules

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SOURCE / "docs" / "site").exists(), reason="needs the source checkout"),
]
SITE = SOURCE / "docs" / "site"
ADDRESSES = {"href", "src", "poster"}
KINDS = [
    *("index", "gallery", "README", "ARCHITECTURE", "docs/evidence", "docs/recipe", "data/README", "api/index"),
    *("api/hpvae_nb", "api/hpvae_nb.core", "api/hpvae_nb.core.steps", "_modules/hpvae_nb/core/steps", "search"),
]
WIDTHS = {"phone": 390, "desktop": 1280}


class Page(HTMLParser):
    """What a page can be linked to by, what it links to or shows, and its pictures."""

    def __init__(self, text):
        super().__init__()
        self.names, self.addresses, self.pictures, self.tags = set(), [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.names |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        self.addresses += [(tag, attributes[name]) for name in ADDRESSES & attributes.keys()]
        if tag == "img":
            self.pictures.append(attributes)


def pages_of(folder):
    return {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}


def dead(pages):
    """Addresses of these pages that lead nowhere, and what a page would fetch from elsewhere."""
    found = set()
    for path, page in pages.items():
        for tag, address in page.addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if tag != "a" and parts.scheme != "data":
                    found.add(f"{path.name} fetches {address}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            names = pages[target].names if target in pages else {unquote(parts.fragment)}
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in names):
                found.add(f"{path.name} -> {address}")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site."""
    pytest.importorskip("myst_nb", reason="the extra `site` is not installed")
    out = tmp_path_factory.mktemp("made") / "site"
    done = run_python(SITE / "pages.py", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site):
    return pages_of(site)


@pytest.fixture
def makers(monkeypatch):
    """The module that makes the site."""
    pytest.importorskip("myst_nb", reason="the extra `site` is not installed")
    monkeypatch.syspath_prepend(SITE)
    monkeypatch.delitem(sys.modules, "pages", raising=False)
    import pages

    return pages


def test_every_link_leads_somewhere_and_nothing_is_fetched_from_elsewhere(pages):
    assert len(pages) > 100
    assert not dead(pages)


def test_a_dead_link_would_be_named(tmp_path):
    there = '<a href="b.html#here">b</a><a href="https://example.org">elsewhere</a><p id="here">'
    (tmp_path / "b.html").write_text(there, encoding="utf-8")
    assert not dead(pages_of(tmp_path))
    broken = '<a href="b.html#gone"></a><a href="c.html"></a><img src="d.png"><script src="https://example.org/e.js">'
    (tmp_path / "a.html").write_text(broken, encoding="utf-8")
    assert len(dead(pages_of(tmp_path))) == 4


def test_every_lesson_and_public_module_has_a_page(site):
    lessons = {path.stem for path in (SOURCE / "notebooks").glob("[0-9]*.py")}
    assert {path.stem for path in (site / "notebooks").glob("*.html")} == lessons
    public = {name for name in modules() if "._" not in name}
    assert {path.stem for path in (site / "api").glob("hpvae_nb*.html")} == public


def test_a_lesson_keeps_its_pictures_formulas_and_hints(pages, site):
    for path in (SOURCE / "notebooks").glob("[0-9]*.ipynb"):
        page = pages[site / "notebooks" / f"{path.stem}.html"]
        cells = nbformat.read(path, as_version=4).cells
        outputs = [out.data.get("text/html", "") for cell in cells for out in cell.get("outputs", []) if "data" in out]
        saved = [picture["alt"] for picture in Page("".join(outputs)).pictures]
        assert saved
        assert [picture["alt"] for picture in page.pictures if "media/" in picture["src"]] == saved
        assert "details" in page.tags
        formulas = any(cell.cell_type == "markdown" and "$$" in cell.source for cell in cells)
        assert "math" in page.tags or not formulas


def test_every_picture_says_what_it_shows(pages):
    assert not [
        (path.name, picture["src"])
        for path, page in pages.items()
        for picture in page.pictures
        if not picture.get("alt")
    ]


def test_pages_are_light(site):
    """Pictures and videos are files of their own, and load when they are seen."""
    for path in (site / "notebooks").glob("*.html"):
        assert path.stat().st_size < 300_000, path.name


def test_colab_is_offered_where_the_address_is_known(makers, tmp_path):
    assert "Open in Colab</a>" in makers.front("ada/hpvae_nb")
    assert "github/ada/hpvae_nb/blob/main/notebooks/00_quickstart.ipynb" in makers.front("ada/hpvae_nb")
    path = SOURCE / "notebooks" / "02_receptive_field.ipynb"
    makers.lesson(path, tmp_path, "ada/hpvae_nb")
    first = nbformat.read(tmp_path / "notebooks" / path.name, as_version=4).cells[0].source
    assert "ada/hpvae_nb/blob/main/notebooks/02_receptive_field.ipynb" in first
    unknown = makers.front(None)
    assert "colab.research" not in unknown
    assert "make badges REPO=owner/name" in unknown


@pytest.fixture(scope="module")
def browser():
    if missing():
        pytest.skip(missing())
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        contextlib.closing(playwright.chromium.launch(executable_path=executable(), args=FLAGS)) as found,
    ):
        yield found


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_pages_fit_the_screen_and_say_no_error(site, browser, width):
    page, said = browser.new_page(viewport={"width": width, "height": 844}), []
    page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    lessons = sorted(f"notebooks/{path.stem}" for path in (site / "notebooks").glob("*.html"))
    for name in [*KINDS, *lessons]:
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        wider = page.evaluate(
            "() => { const room = document.querySelector('article').getBoundingClientRect().right + 1;"
            "return [...document.querySelectorAll('article img, article video')]"
            ".filter(shown => shown.getBoundingClientRect().right > room).map(shown => shown.src); }"
        )
        assert not wider, name
        assert not said, name
    page.close()


def test_clips_wait_for_who_asks_for_less_motion(site, browser):
    playing = "() => [...document.querySelectorAll('.clips video')].map(video => !video.paused || !video.controls)"
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page = browser.new_page(reduced_motion=motion)
        page.goto((site / "gallery.html").as_uri())
        found = page.evaluate(playing)
        assert len(found) > 10
        assert all(one is moves for one in found), motion
        page.close()
