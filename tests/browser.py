"""A real JupyterLab or Notebook in a real browser, with words for what a reader does there."""

import contextlib
import dis
import inspect
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

from common import SOURCE, environment, shows_view

ARTIFACTS = SOURCE / "test-artifacts"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
FRONTS = {"JupyterLab": "lab/tree", "Notebook": "notebooks"}  # where a server has a notebook in each
NOTEBOOKS_OWN = {  # said by Notebook 7.6, whatever it opens, or where JupyterLab was open on the same server before
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
}
FONT = ".woff"  # of formulas: where JupyterLab was open before, Notebook is refused the fonts that it asks for
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


def missing():
    """Why no browser can be driven here; empty where one can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the package playwright is not installed"
    return "" if executable() else "there is no chromium, chromium-browser or google-chrome"


def executable():
    """Path of a browser, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def jupyterlab(folder, settings):
    """A server on a free port of this machine, for the notebooks in `folder`; gives its address, and ends it.

    It has both JupyterLab and Notebook.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=", "--allow-root"]
    options += [f"--{app}.expose_app_in_browser=True" for app in ("LabApp", "JupyterNotebookApp")]
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR", "LAB_SETTINGS_DIR", "LAB_WORKSPACES_DIR")
    names = {place: f"JUPYTER{'' if place.startswith('LAB') else '_'}{place}" for place in places}
    quiet = settings / "LAB_SETTINGS_DIR" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')  # its question would lie over the notebook
    with (settings / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=folder,
            env=environment(**{name: str(settings / place) for place, name in names.items()}),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{address}/api/status"), 60, "JupyterLab did not start")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except OSError:
        return False


def needed(cells):
    """Numbers of the cells that show a view, and of all whose names these need, be it through others."""
    found, wanted = [], set()
    for number, cell in reversed(list(enumerate(cells))):
        if cell.cell_type == "code" and cell.id != "setup":
            needs, gives = names(cell.source)
            if shows_view(cell) or wanted & gives:
                found.append(number)
                wanted = (wanted - gives) | needs
    return found[::-1]


def names(source):
    """What a cell takes from the cells before it, and what it sets."""
    needs, gives, codes = set(), set(), [compile(source, "cell", "exec")]
    for code in codes:
        codes += filter(inspect.iscode, code.co_consts)
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_NAME", "LOAD_GLOBAL") and step.argval not in gives:
                needs.add(step.argval)
            if step.opname == "STORE_NAME":
                gives.add(step.argval)
    return needs, gives


def wait_for(condition, seconds, otherwise):
    """The condition's first true value.

    Raises:
        AssertionError: when there is none in time.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)
    return value


class Reader:
    """Someone with one notebook open."""

    def __init__(self, page, address, name, front="JupyterLab"):
        self.page, self.name, self.errors = page, name, []
        page.on("console", lambda said: said.type == "error" and self.heard(said.text, said.location["url"]))
        page.on("pageerror", lambda error: self.heard(str(error)))
        page.goto(f"{address}/{FRONTS[front]}/{name}.ipynb?reset")
        self.opened()
        if front == "JupyterLab":
            self.command("application:toggle-left-area")

    def heard(self, words, source=""):
        if words not in NOTEBOOKS_OWN and not source.endswith(FONT):
            self.errors.append(words)

    def opened(self):
        """Wait until the notebook is there, and its kernel."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        ready = f"{NOTEBOOK}.model && window.jupyterapp.shell.currentWidget.sessionContext.isReady"
        self.page.wait_for_function(ready, timeout=60_000)

    def command(self, name):
        """Let the front end do something, and wait until it is done."""
        return self.page.evaluate(f"window.jupyterapp.commands.execute('{name}')")

    def run_all(self):
        """Run all cells; fail where one does."""
        assert self.command("notebook:run-all-cells"), self.failures()
        self.settle()
        assert not self.failures()
        counts = self.page.evaluate(
            f"Array.from({NOTEBOOK}.model.cells).filter(c => c.type === 'code').map(c => c.executionCount)"
        )
        assert all(counts), counts

    def run(self, numbers):
        """Run some cells, in their order; fail where one does."""
        for number in numbers:
            self.page.evaluate(f"{NOTEBOOK}.activeCellIndex = {number}")
            assert self.command("notebook:run-cell"), self.failures()
        self.settle()

    def settle(self):
        """Wait until the kernel has had nothing to do for a moment."""
        idle = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        calm = 0
        while calm < 3:
            self.page.wait_for_function(idle, timeout=60_000)
            self.page.wait_for_timeout(50)
            calm = calm + 1 if self.page.evaluate(idle) else 0

    def failures(self):
        """Errors in the outputs."""
        return self.page.evaluate(
            f"Array.from({NOTEBOOK}.model.cells).filter(c => c.type === 'code')"
            ".flatMap(c => c.outputs.toJSON()).filter(o => o.output_type === 'error').map(o => o.evalue)"
        )

    def views(self):
        """Numbers of the cells that show a widget."""
        return self.page.evaluate(
            f"Array.from({NOTEBOOK}.model.cells).map((c, i) => c.type === 'code' && c.outputs.toJSON().some("
            "o => o.data && 'application/vnd.jupyter.widget-view+json' in o.data) ? i : -1).filter(i => i >= 0)"
        )

    def cell(self, number):
        """Go to a cell; cells out of sight are not in the page at all."""
        self.page.evaluate(
            f"(async i => {{ {NOTEBOOK}.activeCellIndex = i; await {NOTEBOOK}.scrollToItem(i, 'start'); }})({number})"
        )
        found = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
        found.locator(".jp-OutputArea-output").first.wait_for(timeout=10_000)
        return found

    def run_again(self, number):
        """Run one cell a second time, and go there."""
        self.cell(number)
        assert self.command("notebook:run-cell"), self.failures()
        found = self.cell(number)
        found.locator("img.widget-image").first.wait_for(timeout=10_000)
        return found

    def run_code(self, code):
        """Let the notebook's kernel run something, in no cell."""
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        done = self.page.evaluate(f"code => {kernel}.requestExecute({{code}}).done.then(r => r.content.status)", code)
        assert done == "ok", code

    def texts(self, place):
        """Note every text that stands at a place from now on; gives a function that tells them."""
        place.evaluate(
            "place => { window.seen = []; new MutationObserver(() => window.seen.push(place.innerText)).observe("
            "place, {childList: true, characterData: true, subtree: true}); }"
        )
        return lambda: self.page.evaluate("window.seen")

    def source(self, number):
        return self.page.evaluate(f"{NOTEBOOK}.model.cells.get({number}).sharedModel.getSource()")

    def screenshot(self, name):
        self.settle()
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{self.name}_{name}.png")


def pixels(picture):
    """What the browser decodes of a picture, all its frames; None while there is none."""
    return picture.evaluate(
        """async image => {
            if (!image.complete || !image.naturalWidth) return null;
            const answer = await fetch(image.src).catch(() => null);  // replaced meanwhile?
            if (!answer) return null;
            const blob = await answer.blob();
            const decoder = new ImageDecoder({data: await blob.arrayBuffer(), type: blob.type});
            await decoder.tracks.ready;
            await decoder.completed;
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const frames = [];
            for (let i = 0; i < decoder.tracks.selectedTrack.frameCount; i++) {
                const frame = (await decoder.decode({frameIndex: i})).image;
                canvas.getContext('2d').drawImage(frame, 0, 0);
                frame.close();
                frames.push(canvas.toDataURL());
            }
            decoder.close();
            return frames.join();
        }"""
    )


def press_arrow(page, handle):
    """One step to the right, or to the left where there is no right."""
    at, highest = (handle.get_attribute(f"aria-value{which}") for which in ("now", "max"))
    handle.focus()
    page.keyboard.press("ArrowLeft" if float(at) == float(highest) else "ArrowRight")


def drag(page, slider, handle, share=None):
    """Drag a handle to a share of its way. If not given: to a quarter or three quarters, whichever is farther, or half
    way to the other handle of a slider with two.

    Returns:
        The share at which it was.
    """
    track, knob = slider.bounding_box(), handle.bounding_box()
    x, y = knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2
    was = (x - track["x"]) / track["width"]
    if share is None:
        ends = [end.bounding_box()["x"] + knob["width"] / 2 for end in slider.locator(".noUi-handle").all()]
        middle = (sum(ends) / 2 - track["x"]) / track["width"]
        share = middle if len(ends) == 2 else 0.25 if was > 0.5 else 0.75
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], y, steps=4)
    page.mouse.up()
    return was
