"""Damaged files of every kind: a clip, a warning or a sentence comes out, and never anything else.

Files are read by a second process, so that a crash, a wait or a gigabyte ends that one alone. The same examples come
every time; `FUZZ_EXAMPLES=1000 pytest -s tests/test_fuzz_files.py` tries so many others of each kind, and counts them.
"""

import collections
import json
import os
import select
import subprocess
import sys
import time
import warnings
from pathlib import Path

import imageio_ffmpeg
import pytest
from common import environment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_clips import pattern, write

from hpvae_nb import InputError, load_clip, load_image
from hpvae_nb.io.files import look
from hpvae_nb.io.images import load_still

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 25))  # of each kind of file
SECONDS, MEGABYTES = 10, 1000  # what no file may take
CALLS = {
    "first": lambda path: load_clip(path, frames=3, size=32),
    "all": lambda path: load_clip(path, frames=None, size=32),
    "thinned": lambda path: load_clip(path, frames=2, fps=5, size=(20, 30)),
    "whole": load_image,
    "still": load_still,
    "look": look,
}
CODECS = {
    "mp4": ("libx264", "yuv420p"),
    "webm": ("libvpx-vp9", "yuv420p"),
    "avi": ("mjpeg", "yuvj420p"),
    "mkv": ("ffv1", "bgr0"),
    "ts": ("mpeg2video", "yuv420p"),
}
STILLS = ("png", "jpg", "webp", "tif", "heic", "avif", "bmp", "ppm")
MOVING = {"moving.gif": {}, "moving.png": {}, "moving.webp": {"lossless": True}, "moving.avif": {}, "pages.tif": {}}
KINDS = [f"a.{suffix}" for suffix in (*CODECS, "ogv", *STILLS)] + list(MOVING)


def make_samples(folder):
    """The bytes of a small file of each kind."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    frames = pattern(6, 40, 56)
    first, *others = (Image.fromarray(frame) for frame in frames)
    for suffix, codec in CODECS.items():
        write(folder / f"a.{suffix}", frames, *codec, fps=25)
    to_theora = ["-i", str(folder / "a.mkv"), "-c:v", "libtheora", str(folder / "a.ogv")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *to_theora], check=True)
    note = Image.Exif()
    note[0x0112] = 6
    for suffix in STILLS:
        first.save(folder / f"a.{suffix}", exif=note.tobytes())
    for name, options in MOVING.items():
        first.save(folder / name, save_all=True, append_images=others, duration=100, **options)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


PLACE = st.one_of(st.integers(0, 100), st.integers(0, 10**6))  # headers are where most harm is done
CHANGE = st.one_of(
    st.tuples(st.just("flip"), PLACE, st.integers(0, 7)),
    st.tuples(st.just("overwrite"), PLACE, st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("overwrite"), PLACE, st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff"])),
    st.tuples(st.just("insert"), PLACE, st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("truncate"), PLACE, st.none()),
    st.tuples(st.just("splice"), PLACE, st.tuples(PLACE, st.integers(1, 500), st.integers(0, 100))),
)


def damaged(content, changes, contents):
    content = bytearray(content)
    for what, place, value in changes:
        at = place % max(1, len(content))
        if what == "flip" and content:
            content[at] ^= 1 << value
        elif what == "overwrite":
            content[at : at + len(value)] = value
        elif what == "insert":
            content[at:at] = value
        elif what == "truncate":
            del content[at:]
        elif what == "splice":
            start, length, which = value
            other = contents[which % len(contents)]
            piece = other[start % len(other) :][:length]
            content[at : at + len(piece)] = piece
    return bytes(content)


class Reader:
    """The second process, begun again whenever it ended; and what came of all files so far."""

    def __init__(self):
        self.process = None
        self.came, self.worst = collections.Counter(), {"seconds": (0, ""), "megabytes": (0, "")}

    def read(self, path, call):
        """What comes of reading a file in the way of that name."""
        answer = self._asked(path, call)
        self.came[path.name, answer["came"]] += 1
        for what, most in self.worst.items():
            self.worst[what] = max(most, (answer.get(what, 0), f"{call} of {path.name}"))
        return answer

    def _asked(self, path, call):
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                env=environment(),
            )  # fmt: skip
            assert self.process.stdout.readline() == "ready\n"
        self.process.stdin.write(json.dumps([str(path), call]) + "\n")
        self.process.stdin.flush()
        waited = select.select([self.process.stdout], [], [], 6 * SECONDS)[0]  # longer, so that it can say how long
        line = self.process.stdout.readline() if waited else ""
        if not line:
            return {"came": "nothing within a minute" if not waited else f"a crash, {self.end()}"}
        return json.loads(line)

    def end(self):
        if self.process is not None:
            self.process.kill() if self.process.poll() is None else None
            code = self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None
            return code


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of an undamaged file of each kind."""
    return make_samples(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def reader():
    """The second process, and at the end a table of what came."""
    reader, began = Reader(), time.monotonic()
    yield reader
    reader.end()
    print(f"\n{sum(reader.came.values())} files in {time.monotonic() - began:.0f} s; worst: {reader.worst}")
    for name in KINDS:
        print(f"{name:12}", {what: n for (kind, what), n in sorted(reader.came.items()) if kind == name})


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted otherwise elsewhere")
@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused_in_a_sentence(name, whole, reader, tmp_path):
    path = tmp_path / name
    path.write_bytes(whole[name])
    assert reader.read(path, "whole")["came"] in ("a clip", "a warning")  # undamaged it is read

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize="FUZZ_EXAMPLES" not in os.environ,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(changes=st.lists(CHANGE, min_size=1, max_size=6), call=st.sampled_from(sorted(CALLS)))
    def try_one(changes, call):
        path.write_bytes(damaged(whole[name], changes, list(whole.values())))
        answer = reader.read(path, call)
        assert answer["came"] in ("a clip", "a warning", "a sentence"), answer
        assert answer["seconds"] < SECONDS, answer
        assert answer["megabytes"] < MEGABYTES, answer

    try_one()


def answer_all():
    """The second process: reads files as told, line by line, and says what came, how long it took, and its memory."""
    pid = Path("/proc/self")
    print("ready", flush=True)
    for line in sys.stdin:
        path, call = json.loads(line)
        (pid / "clear_refs").write_text("5")  # the peak of memory begins anew
        before, began = _kilobytes(pid, "VmRSS"), time.process_time()  # of its own: the machine may be busy
        answer = {"came": "a clip"}
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                CALLS[call](Path(path))
                if said:
                    answer["came"] = "a warning"
            except InputError as error:
                answer = {"came": "a sentence" if "\n" not in str(error) else "several lines", "said": str(error)}
            except BaseException as error:
                answer["came"] = repr(error)
        if strange := [str(one.message) for one in said if one.category is not UserWarning]:
            answer = {"came": "a warning of another kind", "said": strange}
        answer["seconds"] = time.process_time() - began
        answer["megabytes"] = (_kilobytes(pid, "VmHWM") - before) / 1000
        print(json.dumps(answer), flush=True)


def _kilobytes(pid, key):
    (line,) = [line for line in (pid / "status").read_text().splitlines() if line.startswith(key)]
    return int(line.split()[1])


if __name__ == "__main__":
    answer_all()
