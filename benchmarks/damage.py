"""Videos damaged in the middle, and what `load_clip` makes of them: refused, warned, unharmed, or wrong without a word.

`python benchmarks/damage.py` overwrites fifty bytes, at 20 places each, of a generated film of every kind, and prints
the table behind what the README says of damage; a minute.
"""

import random
import subprocess
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import imageio_ffmpeg

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import load_clip

FILM = "-f lavfi -i testsrc2=s=128x96:r=24:d=1"
KINDS = {
    "h264.mp4": "-c:v libx264",
    "h264.mkv": "-c:v libx264 -g 12",
    "h264.ts": "-c:v libx264 -g 12",
    "hevc.mp4": "-c:v libx265 -x265-params log-level=none",
    "av1.mp4": "-c:v libaom-av1 -cpu-used 8",
    "vp8.webm": "-c:v libvpx",
    "vp9.webm": "-c:v libvpx-vp9",
    "theora.ogv": "-c:v libtheora -q:v 7",
    "mpeg4.mp4": "-c:v mpeg4 -q:v 4",
    "mpeg2.mpg": "-c:v mpeg2video -q:v 4",
    "mjpeg.avi": "-c:v mjpeg -q:v 3",
    "wmv2.wmv": "-c:v wmv2 -q:v 4",
    "prores.mov": "-c:v prores_ks",
    "ffv1.mkv": "-c:v ffv1",
    "huffyuv.avi": "-c:v huffyuv",
    "qtrle.mov": "-c:v qtrle",
    "gif.gif": "",
    "png.mov": "-c:v png",
}
OUTCOMES = ("refused", "warned", "fewer frames", "unharmed", "wrong")
PLACES = 20


def outcome(path: Path, whole) -> str:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            video = load_clip(path, frames=None).video
        except InputError:
            return "refused"
    if said:
        return "warned"
    if video.shape != whole.shape:
        return "fewer frames"
    return "unharmed" if (video - whole).abs().max() < 0.05 else "wrong"


def main() -> None:
    print("| film |", " | ".join(OUTCOMES), "|\n| --- |", " | ".join(["---"] * len(OUTCOMES)), "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, codec in KINDS.items():
            path = Path(folder) / name
            program = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
            subprocess.run([*program, *FILM.split(), *codec.split(), str(path)], check=True)
            whole, stored, found = load_clip(path, frames=None).video, path.read_bytes(), Counter[str]()
            for place in range(PLACES):
                dice, damaged = random.Random(place), bytearray(stored)
                at = int(len(stored) * (0.25 + 0.6 * dice.random()))
                damaged[at : at + 50] = dice.randbytes(50)
                path.write_bytes(damaged)
                found[outcome(path, whole)] += 1
            print(f"| {name} |", " | ".join(str(found[kind]) for kind in OUTCOMES), "|")


if __name__ == "__main__":
    main()
