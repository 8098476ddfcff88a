"""Makes the site: `python docs/site/pages.py build/site`.

What the project has already is gathered in one folder, laid out as the project is, so that the links in it stay as they
are: lessons as they are saved, the pages of `docs/` and `data/`, README and ARCHITECTURE. To these come the front page,
whose text is `index.md`, a gallery of the evidence's samples, and a page for each public module. Sphinx makes the site
of that folder, by `conf.py`; a link that leads nowhere ends it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import importlib
import inspect
import os
import pkgutil
import pydoc
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import nbformat
from PIL import Image
from sphinx.cmd.build import build_main

import hpvae_nb
from hpvae_nb.core.resampling import resize
from hpvae_nb.io.clips import load_clip
from hpvae_nb.io.images import load_image
from hpvae_nb.lab import show
from hpvae_nb.studies import evidence

HERE = Path(__file__).parent
SOURCE = HERE.parents[1]
COLAB = "https://colab.research.google.com/github/{}/blob/main/notebooks/{}.ipynb"
FIRST = "00_quickstart"
UNKNOWN = (
    '*There is no button "Open in Colab" yet: this copy does not know where it lies on GitHub. '
    "`make badges REPO=owner/name` tells it, and the button comes here and to each lesson.*"
)
PAGES = "README.md", "ARCHITECTURE.md", "docs/*.md", "data/**/*.md"
TITLES = {  # of pages in docs/ that begin without one
    "benchmarks": "Time and memory of a step",
    "benchmarks_epyc": "Time and memory of a step, on an EPYC",
    "evidence": "Are the paper's findings true?",
    "methods": "What an iteration of each method costs",
}
TREES = {  # of the column beside each page; what else is in docs/ comes below them
    "Lessons": ["notebooks/*"],
    "What came out": ["gallery", "docs/evidence", "docs/recipe"],
    "The package": ["README", "ARCHITECTURE", "api/index", "data/README"],
}
OUT_OF_TREE = ":orphan:\n\n"  # modules are found by their room: two hundred names beside each page are too many
DRAWN = "*The picture is in the file itself; GitHub and editors draw it. The table below has all of it.*\n"
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)((?:#[^)\s]*)?)(?=\))")  # within the project; one with a colon is not
DATA = re.compile(r'(?<==")data:(?:image|video)/(\w+)[^,"]*;base64,([^"]+)(?=")')
PICTURE = re.compile(r'<img (?![^>]*\bwidth=)([^>]*?src="([^"]+)")')
STILLS = re.compile(r"^!\[([^\]]+)\]\((docs/\S+)\)\n\n\*(.+?)\*\n\n", re.MULTILINE | re.DOTALL)


def repository() -> str | None:
    """Where the project lies on GitHub, as owner/name; None as long as nobody has said it."""
    address = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    name = address.removeprefix("https://github.com/")
    return None if name.startswith("OWNER/") else name


def gather(into: Path, repository: str | None) -> None:
    """Write everything that Sphinx reads.

    Args:
        into: an empty folder.
        repository: owner/name on GitHub, if it is known.
    """
    for page in (file for part in PAGES for file in sorted(SOURCE.glob(part))):
        write(into / page.relative_to(SOURCE), linked(titled(page), page, into))
    for script in sorted(SOURCE.glob("notebooks/[0-9]*.py")):
        lesson(script.with_suffix(".ipynb"), into, repository)
    write(into / "gallery.md", gallery(into / "extra" / "gallery"))
    write(into / "index.md", front(repository))
    for name, text in api().items():
        write(into / "api" / name, text)


def write(path: Path, text: str) -> None:
    """Write a page, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def titled(page: Path) -> str:
    """A page's text, which begins with a title; without its drawing, for which a browser would need a program."""
    text = re.sub(r"```mermaid\n.*?```\n", DRAWN, page.read_text(encoding="utf-8"), flags=re.DOTALL)
    if not text.startswith("# "):
        text = f"# {TITLES.get(page.stem, page.stem.capitalize())}\n\n{text}"
    if page.name == "README.md" and page.parent.name == "data":
        text += "\n```{toctree}\n:hidden:\n:glob:\n\nmodels/*\n```\n"
    return text


def linked(text: str, page: Path, into: Path) -> str:
    """The same with links that lead somewhere here.

    A source file's becomes that of its module's page, a folder's that of the README above it; other files, as pictures,
    come along.
    """

    def there(found: re.Match[str]) -> str:
        whole = (page.parent / found[1]).resolve()
        if not whole.exists():
            return found[0]  # code that looks like a link; Sphinx names a link that leads nowhere
        path = whole.relative_to(SOURCE)
        if path.parts[0] == "hpvae_nb" and path.suffix == ".py":
            target = Path("api", ".".join(path.with_suffix("").parts).removesuffix(".__init__") + ".rst")
        elif whole.is_dir():
            homes = [above / "README.md" for above in (path, *path.parents)]
            target = next(home for home in homes if (SOURCE / home).exists())
        else:
            target = path
            if path.suffix not in (".md", ".ipynb"):
                (into / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(whole, into / path)
        return Path(os.path.relpath(target, page.parent.relative_to(SOURCE))).as_posix() + found[2]

    return LINK.sub(there, text)


def lesson(path: Path, into: Path, repository: str | None) -> None:
    """A lesson as it is saved, with the pictures and videos of its outputs as files beside it, which load when seen."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            opens = repository and cell.id == "badge"
            cell.source = button(repository, path.stem) if opens else linked(cell.source, path, into)
        for output in cell.get("outputs", []):
            if text := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = unpacked(text, into / "extra" / "media", "../media")
    write(into / "notebooks" / path.name, nbformat.writes(notebook))


def button(repository: str, lesson: str) -> str:
    """What opens a lesson in Colab."""
    return f'<a class="colab" href="{COLAB.format(repository, lesson)}">Open in Colab</a>'


def unpacked(text: str, folder: Path, address: str) -> str:
    """HTML whose pictures and videos are files in a folder, not part of it; pictures have their size, load when seen.

    Args:
        text: HTML with `data:` addresses.
        folder: for the files.
        address: of that folder, as the page sees it.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def as_file(found: re.Match[str]) -> str:
        content = base64.b64decode(found[2])
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{found[1]}"
        (folder / name).write_bytes(content)
        return f"{address}/{name}"

    def sized(found: re.Match[str]) -> str:
        with Image.open(folder / Path(found[2]).name) as picture:
            width, height = picture.size
        return f'<img loading="lazy" width="{width}" height="{height}" {found[1]}'

    text = PICTURE.sub(sized, DATA.sub(as_file, text))
    return text.replace("<video ", "<video playsinline ")  # or a phone fills its screen with it


def front(repository: str | None) -> str:
    """The front page."""
    (alt, picture, caption), *_ = STILLS.findall(readme())
    parts = {
        "COLAB": button(repository, FIRST) if repository else UNKNOWN,
        "PICTURE": f"![{alt}]({picture})\n\n*{caption}*",
        "LESSONS": lessons(),
        "TREES": trees(),
    }
    text = (HERE / "index.md").read_text(encoding="utf-8")
    return re.sub("^[A-Z]+$", lambda found: parts[found[0]], text, flags=re.MULTILINE)


def readme() -> str:
    """The text of README."""
    return (SOURCE / "README.md").read_text(encoding="utf-8")


def lessons() -> str:
    """A list of all lessons: heading, and what the table in README says that a reader can do afterwards."""
    rows = []
    for path, gives in re.findall(r"^ +\| \[`\w+`\]\((\S+)\) \| (.+) \|$", readme(), re.MULTILINE):
        cells = nbformat.read(SOURCE / path, as_version=4).cells
        (heading, *_) = re.findall("^# (.+)$", "\n".join(cell.source for cell in cells), re.MULTILINE)
        number, _, title = heading.partition(". ")
        rows.append(f"{number}. [{title}]({path}): {gives}.")
    return "\n".join(rows)


def trees() -> str:
    """The column beside each page, for Sphinx."""
    docs = [f"docs/{page.stem}" for page in sorted(SOURCE.glob("docs/*.md"))]
    others = [name for name in docs if not any(name in pages for pages in TREES.values())]
    parts = [(title, "\n".join(pages)) for title, pages in {**TREES, "Measured": others}.items()]
    return "\n\n".join(f"```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{pages}\n```" for title, pages in parts)


def gallery(folder: Path) -> str:
    """The page of clips: those that README shows, and for each of the evidence the real one and samples of each point.

    Args:
        folder: for the files that it shows.
    """
    folder.mkdir(parents=True)
    text = ["# Gallery", "## Larger models", "Each is trained on one clip or photo; *real* is framed in green."]
    text += [f"![{alt}]({picture})\n\n*{caption}*" for alt, picture, caption in STILLS.findall(readme())]
    text += [
        "## Each method, each M",
        "The samples behind [the tables of the evidence](docs/evidence.md): four new ones of the first seed, two above "
        "two, none chosen. *Real* is the clip as the models have seen it, in the same small size, once and therefore "
        "twice as large. M is the number of VAE levels; the other names are [settings and "
        "methods](README.md#the-other-methods).",
    ]
    for study in (evidence.CLIPS, evidence.IMAGES):
        for clip in evidence.clips(evidence.rows(study)):
            files = {point: evidence.sample_file(clip, point, study) for point in study.points}
            there = {point: file for point, file in files.items() if file.exists()}
            if not there:
                continue
            shown = [figure(real(clip, next(iter(there)), study, folder), f"{clip}, real", "real")]
            for point, file in there.items():
                shutil.copy(file, folder)
                shown.append(figure(folder / file.name, f"four samples of {clip}, {point}", point))
            text += [f"### {clip}", f'<div class="clips">{"".join(shown)}</div>']
    return "\n\n".join(text) + "\n"


def real(clip: str, point: str, study: evidence.Study, folder: Path) -> Path:
    """A file with the clip or picture as its models have seen it, as large as the one of a point's four samples."""
    sample = evidence.samples(clip, point, study)[0]
    whole = load_image(clip) if study is evidence.IMAGES else load_clip(clip, frames=sample.shape[1])
    seen = resize(whole.video[None], sample.shape[-2:])[0]
    width = evidence.GRID[1] * evidence.ENLARGED * sample.shape[-1]
    path = folder / f"{clip}_real{study.samples}"
    if study is evidence.CLIPS:
        return show.save_video(path, seen, whole.fps, width=width)
    path.write_bytes(show.webp(show.to_uint8(show.enlarge(seen, width))[None], 1))
    return path


def figure(file: Path, says: str, caption: str) -> str:
    """A clip or a picture as HTML, with its name below; a clip's first frame stands for it until it is there."""
    says, caption = html.escape(says), html.escape(caption)
    address = f"{file.parent.name}/{file.name}"
    if file.suffix == ".mp4":
        first = load_clip(file, frames=None).video[:, :1]
        file.with_suffix(".webp").write_bytes(show.webp(show.to_uint8(first), 1, quality=show.POSTER))
        height, width = first.shape[-2:]
        poster = address.replace(".mp4", ".webp")
        shown = f'<video autoplay loop muted playsinline poster="{poster}" aria-label="{says}"{{}}></video>'
    else:
        with Image.open(file) as picture:
            width, height = picture.size
        shown = f'<img loading="lazy" alt="{says}"{{}}>'
    shown = shown.format(f' width="{width}" height="{height}" src="{address}"')
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def api() -> dict[str, str]:
    """Pages of all public modules and of the rooms of ARCHITECTURE, by file name; `index.md` has the rooms in order."""
    page = (SOURCE / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = re.findall(r"^\| `(\w+)(?:/|\.py)` \| (.+) \| .*\|$", page, re.MULTILINE)
    found = [name for _, name, _ in pkgutil.walk_packages(hpvae_nb.__path__, "hpvae_nb.")]
    public = ["hpvae_nb", *(name for name in found if "._" not in name)]
    pages, index = {f"{name}.rst": module(name) for name in public}, []
    for room, what in rooms:
        top = "hpvae_nb" if room == "__init__" else f"hpvae_nb.{room}"
        index.append(f"[{top}]({top}.rst)\n: {what[0].upper()}{what[1:]}.")
        below = [name for name in public if name.startswith(f"{top}.") and room != "__init__"]
        within = {name.removeprefix("hpvae_nb."): name for name in below}
        pages[f"{top}.rst"] = pages[f"{top}.rst"].removeprefix(OUT_OF_TREE) + listed(within)
    tree = "\n".join("hpvae_nb" if room == "__init__" else f"hpvae_nb.{room}" for room, _ in rooms)
    begins = "The rooms of [the house](../ARCHITECTURE.md), from the ground up. A room uses only those above it here."
    pages["index.md"] = "\n\n".join(["# API", begins, *index, f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"])
    return pages


def module(name: str) -> str:
    """A module's page; of a package, its public names, each with its home."""
    here = importlib.import_module(name)
    text = f"{OUT_OF_TREE}{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n"
    return text if not hasattr(here, "__path__") else f"{text}   :no-members:\n{listed(names(here))}"


def names(package: ModuleType) -> dict[str, str]:
    """The public classes and functions of a package, each with its full name, by which its home's page has it."""
    things = {name: getattr(package, name) for name in getattr(package, "__all__", [])}
    named = {name: thing for name, thing in things.items() if inspect.isclass(thing) or inspect.isroutine(thing)}
    return {name: f"{thing.__module__}.{name}" for name, thing in named.items()}


def listed(names: dict[str, str]) -> str:
    """Links to modules, classes and functions, each with the first sentence of its docstring; `names` are full ones."""
    items = []
    for name, full in names.items():
        says = (inspect.getdoc(pydoc.locate(full)) or "").split("\n\n")[0].replace("\n", " ")
        items.append(f"\n:py:obj:`{name} <{full}>`\n    {says}\n")
    return "".join(items)


def main() -> None:
    """Gather and make, as the command line asks for."""
    parser = argparse.ArgumentParser(description="Make the site: lessons, gallery, tables and API in one folder.")
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    gathered, trees = (out.with_name(f"{out.name}_{what}") for what in ("pages", "trees"))
    for folder in (gathered, trees, out):
        shutil.rmtree(folder, ignore_errors=True)
    gather(gathered, repository())
    shown = f"-Dhtml_extra_path={gathered.absolute() / 'extra'}"
    how = ["--quiet", "--fail-on-warning", "--conf-dir", str(HERE), "--doctree-dir", str(trees), shown]
    sys.exit(build_main([*how, str(gathered), str(out)]))


if __name__ == "__main__":
    main()
