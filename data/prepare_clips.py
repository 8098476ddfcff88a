"""Cut the two real clips from their sources, and encode all three: run it to make the bundled clips again.

    python data/prepare_clips.py pedestrians vtest.avi data/pedestrians.mp4
    python data/prepare_clips.py bunny bigbuckbunny.mp4 data/bunny.mp4

Where the sources come from, and under which terms, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 256, 144
FAITHFUL = 4 | 8192 | 262144  # FFmpeg's flags bicubic, full chroma, accurate rounding: exact colours


@dataclass(frozen=True)
class Cut:
    """Which frames of a source, and which rectangle of them (pixels, ends excluded)."""

    start: int
    frames: int
    rows: slice
    cols: slice


CUTS = {
    # walkers on paved ground; the building and the far lawn are left out
    "pedestrians": Cut(start=716, frames=60, rows=slice(195, 335), cols=slice(448, 697)),
    # the rabbit leans out of its burrow and stands up: one camera, no cut
    "bunny": Cut(start=6, frames=60, rows=slice(None), cols=slice(None)),
}


def encode(path: Path, frames: Iterable[np.ndarray], fps: Fraction, crf: int = 16) -> None:
    """Write uint8 frames ``h w c`` as an H.264 mp4 that browsers play: 4:2:0, index in front, no sound.

    Args:
        path: the mp4 to write.
        frames: pictures of one even height and width, values 0 to 255.
        fps: frames per second.
        crf: x264's constant rate factor: lower is better and larger; 16 is about where the eye sees no loss.
    """
    stream = None
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        for picture in frames:
            if stream is None:
                options = {"crf": str(crf), "preset": "veryslow", "threads": "1"}  # one thread: same bytes every time
                stream = container.add_stream("libx264", rate=fps, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode(None))


def pictures(source: Path, cut: Cut) -> Iterator[np.ndarray]:
    """The frames of a cut, cropped and scaled down to 144x256: uint8 ``h w c``."""
    with av.open(str(source)) as container:
        for frame in islice(container.decode(video=0), cut.start, cut.start + cut.frames):
            whole = frame.to_ndarray(format="rgb24", interpolation=FAITHFUL)
            cropped = np.ascontiguousarray(whole[cut.rows, cut.cols])
            small = av.VideoFrame.from_ndarray(cropped, format="rgb24").reformat(WIDTH, HEIGHT, interpolation="LANCZOS")
            yield small.to_ndarray(format="rgb24")


def main() -> None:
    """Read the command line and write one clip, at its source's frame rate."""
    parser = argparse.ArgumentParser(description="Cut a bundled clip from its source.")
    parser.add_argument("cut", choices=sorted(CUTS))
    parser.add_argument("source", type=Path, help="the source video")
    parser.add_argument("output", type=Path, help="the mp4 to write")
    wanted = parser.parse_args()
    with av.open(str(wanted.source)) as container:
        fps = container.streams.video[0].average_rate
    encode(wanted.output, pictures(wanted.source, CUTS[wanted.cut]), fps)
    print(f"{wanted.output}: {wanted.output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
