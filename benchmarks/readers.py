"""Pictures read by PyAV and by Pillow, each alone: right, refused, or wrong without a word.

`python benchmarks/readers.py` prints the table behind "Why two readers" in CONTRIBUTING.md; a minute, and pillow-heif.
"""

import tempfile
from pathlib import Path

import av
import numpy as np
import pillow_heif
from PIL import Image, ImageOps

STILLS = ("jpg", "png", "webp", "tif", "avif", "heic")
MOVING = {"webp": {"lossless": True}, "png": {}, "gif": {}, "avif": {"quality": 95}, "tif": {}}
NEAR = 5  # levels of 255 that coding may cost, on average


def corners(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture of which no turn and no mirror image is the same."""
    picture = np.full((height, width, 3), 40, np.uint8)
    a, b = height // 3, width // 3
    picture[:a, :b], picture[:a, -b:], picture[-a:, :b] = (220, 30, 30), (30, 200, 30), (30, 30, 220)
    return picture


def by_pyav(path: Path, frames: int) -> np.ndarray:
    with av.open(str(path)) as container:
        found = [frame for frame, _ in zip(container.decode(video=0), range(frames), strict=False)]
    return np.stack([np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)) for frame in found])


def by_pillow(path: Path, frames: int) -> np.ndarray:
    made = []
    with Image.open(path) as image:
        for k in range(frames):
            if k:
                image.seek(k)
            image.load()  # which turns a TIFF
            made.append(np.asarray(ImageOps.exif_transpose(image).convert("RGB")))
    return np.stack(made)


def turned(folder: Path):
    """The eight orientations of Exif, in each format that notes them."""
    for suffix in STILLS:
        for orientation in range(1, 9):
            note = Image.Exif()
            note[0x0112] = orientation
            path = folder / f"{orientation}.{suffix}"
            fine = {"chroma": 444} if suffix == "heic" else {}
            Image.fromarray(corners()).save(path, quality=95, exif=note.tobytes(), **fine)
            noted = Image.fromarray(corners())
            noted.info["exif"] = note.tobytes()
            yield path, np.asarray(ImageOps.exif_transpose(noted))[None]


def cut_off(folder: Path):
    """The first 30, 60 and 95 % of a file: nothing in them is right."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    for suffix in (*STILLS, "gif", "bmp", "ppm"):
        Image.fromarray(noise).save(folder / f"whole.{suffix}")
        content = (folder / f"whole.{suffix}").read_bytes()
        for part in (30, 60, 95):
            path = folder / f"cut_{part}.{suffix}"
            path.write_bytes(content[: len(content) * part // 100])
            yield path, None


def in_tiles(folder: Path):
    """A phone's photo."""
    Image.fromarray(corners(700, 1000)).save(folder / "tiles.heic", tile_size=512, quality=90)
    yield folder / "tiles.heic", corners(700, 1000)[None]


def moving(folder: Path):
    """Six frames, or pages."""
    frames = np.stack([np.roll(corners(), 3 * k, axis=1) for k in range(6)])
    first, *others = map(Image.fromarray, frames)
    for suffix, options in MOVING.items():
        path = folder / f"moving.{suffix}"
        first.save(path, save_all=True, append_images=others, duration=100, **options)
        yield path, frames


def outcome(reader, path: Path, wanted: np.ndarray | None) -> str:
    try:
        got = reader(path, 1 if wanted is None else len(wanted)).astype(float)
    except Exception:
        return "refused"
    if wanted is None or got.shape != wanted.shape or np.abs(got - wanted).mean() > NEAR:
        return "wrong"
    return "right"


if __name__ == "__main__":
    pillow_heif.register_heif_opener()
    print("| pictures | PyAV: right, refused, wrong | Pillow: right, refused, wrong |\n| --- | --- | --- |")
    for kind in (turned, cut_off, in_tiles, moving):
        with tempfile.TemporaryDirectory() as folder:
            files = list(kind(Path(folder)))
            cells = [f"{kind.__name__.replace('_', ' ')}, {len(files)}"]
            for reader in (by_pyav, by_pillow):
                came = [outcome(reader, *file) for file in files]
                cells.append(", ".join(str(came.count(what)) for what in ("right", "refused", "wrong")))
        print("|", " | ".join(cells), "|")
