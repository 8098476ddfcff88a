"""What people bring as pictures: each kind comes out right, with one sentence of warning, or with one of refusal."""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
import warnings
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from common import SOURCE, run_python
from einops import rearrange
from PIL import Image, ImageCms, ImageOps
from test_clips import pattern, write

from hpvae_nb import Config, InputError, download_clip, load_clip, load_image, load_images, preset
from hpvae_nb.errors import check_whole
from hpvae_nb.io import download, video_files
from hpvae_nb.io.files import PICTURES, look
from hpvae_nb.io.images import load_still
from hpvae_nb.lab import show
from hpvae_nb.recipe.config import from_dict

heif = pytest.importorskip("pillow_heif")
heif.register_heif_opener()


@pytest.fixture(autouse=True)
def _no_surprising_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def levels(clip):
    """The clip or picture as float, channels last, on the scale 0 to 255."""
    return rearrange(clip.video, "c ... -> ... c").numpy() * 127.5 + 127.5


def corners(height=48, width=64):
    """A picture of which no turn and no mirror image is the same: red, green, blue and white corners."""
    picture = np.full((height, width, 3), 40, np.uint8)
    a, b = height // 3, width // 3
    picture[:a, :b], picture[:a, -b:], picture[-a:, :b] = (220, 30, 30), (30, 200, 30), (30, 30, 220)
    picture[-a:, -b:] = 230
    return picture


def apart(clip, picture):
    """Mean distance in levels of 255."""
    made = levels(clip)
    assert made.shape == picture.shape
    return np.abs(made - picture).mean()


def saved(path, picture, **options):
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, **options)
    return path


def moving(path, frames, **options):
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, **options)
    return path


# --- Upright and whole ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic"])  # the last two store boxes for it
def test_every_orientation_is_undone_once(tmp_path, suffix, orientation):
    note = Image.Exif()
    note[0x0112] = orientation
    kept = {"quality": 95, "exif": note.tobytes()} | ({"chroma": 444} if suffix == "heic" else {})
    path = saved(tmp_path / f"a.{suffix}", corners(), **kept)
    flat = Image.fromarray(corners())
    flat.info["exif"] = note.tobytes()
    upright = np.asarray(ImageOps.exif_transpose(flat))
    assert apart(load_image(path), upright) < 4
    assert look(path)[:2] == upright.shape[:2]
    assert load_image(path, size=32).size == (round(upright.shape[0] * 32 / upright.shape[1]), 32)


@pytest.mark.slow
def test_a_photo_of_tiles_is_whole(tmp_path):
    picture = corners(700, 1000)
    path = saved(tmp_path / "phone.heic", picture, tile_size=512, quality=90)
    with video_files._opened(path, set()) as file:
        assert file.pixels < 700 * 1000  # what FFmpeg would give: there are tiles, so that this can fail
    assert look(path) == (700, 1000, False)
    assert apart(load_image(path), picture) < 3


def test_ten_bits_and_transparency_of_heic_and_avif(tmp_path):
    grey = np.linspace(0, 65535, 64).astype(np.uint16)
    ten = heif.from_bytes("RGB;16", (64, 48), np.tile(grey[None, :, None], (48, 1, 3)).tobytes())
    ten.save(tmp_path / "ten.heic", quality=95, chroma=444)
    assert heif.open_heif(tmp_path / "ten.heic", convert_hdr_to_8bit=False).info["bit_depth"] > 8
    assert apart(load_image(tmp_path / "ten.heic"), np.tile((grey / 257)[None, :, None], (48, 1, 3))) < 3
    glass = np.dstack([corners(), np.full((48, 64), 255, np.uint8)])
    glass[20:25, 20:25, 3] = 100
    for suffix in ("heic", "avif"):
        path = saved(tmp_path / f"glass.{suffix}", glass, quality=95)
        with pytest.warns(UserWarning, match="glass has transparency"):
            assert apart(load_image(path), corners()) < 4


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif", "avif", "heic", "ppm"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_what_is_cut_off_is_refused(tmp_path, suffix, part):
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    content = saved(tmp_path / f"whole.{suffix}", noise).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(content[: int(part * len(content))])
    for load in (load_image, lambda path: load_image(path, size=16), load_still):
        with pytest.raises(InputError, match=rf"cut\.{suffix} is damaged or cut off, .*: fetch it again") as caught:
            load(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
def test_so_is_a_tiff_of_any_compression(tmp_path, compression, capfd):
    content = saved(tmp_path / "a.tif", corners(), compression=compression).read_bytes()
    assert load_image(tmp_path / "a.tif").size == (48, 64)
    for part in (0.4, 0.9):
        (tmp_path / "cut.tif").write_bytes(content[: int(part * len(content))])
        with pytest.raises(InputError, match=r"cut\.tif is "):
            load_image(tmp_path / "cut.tif")


def test_damage_within_a_png_is_known_by_its_checksum(tmp_path):
    content = bytearray(saved(tmp_path / "a.png", corners(), compress_level=0).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is damaged .*checksum"):
        load_image(tmp_path / "a.png")


# --- Large ---------------------------------------------------------------------------------------------------------

LARGE = """
import resource, sys
import hpvae_nb
for name in sys.argv[1:]:
    print(*hpvae_nb.load_image(name, size=64).size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted otherwise elsewhere")
def test_a_huge_picture_in_a_small_file_takes_little_memory(tmp_path):
    path = saved(tmp_path / "black.png", Image.new("RGB", (6000, 6000)), optimize=True)
    assert path.stat().st_size < 200_000
    nothing = saved(tmp_path / "small.png", Image.new("RGB", (60, 60)))
    said = run_python("-c", LARGE, nothing, path)
    assert said.returncode == 0, said.stderr
    (*_, before), (height, width, peak) = (map(int, line.split()) for line in said.stdout.splitlines())
    assert (height, width) == (64, 64)
    assert peak - before < 400  # MB; Pillow keeps 144 for the pixels


@pytest.mark.slow
def test_a_photo_reduced_while_it_is_read_is_the_photo(tmp_path, monkeypatch):
    picture = np.asarray(Image.fromarray(corners()).resize((640, 480)))
    paths = [saved(tmp_path / f"a.{suffix}", picture) for suffix in ("jpg", "png", "heic")]
    note = Image.Exif()
    note[0x0112] = 6
    paths.append(saved(tmp_path / "lying.jpg", picture, exif=note))
    exact = [levels(load_image(path, size=40)) for path in paths]
    monkeypatch.setattr(video_files, "LARGEST", 1000)
    for path, wanted in zip(paths, exact, strict=True):
        reduced = levels(load_image(path, size=40))
        assert reduced.shape == wanted.shape
        assert 0 < np.abs(reduced - wanted).mean() < 4


def test_what_would_be_huge_is_refused(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", corners())
    header = bytearray(path.read_bytes())
    header[16:24] = (20_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(header)
    with pytest.raises(InputError, match=r"bomb\.png (would be huge|has 20000x20000 pixels).*: reduce it in a program"):
        load_image(tmp_path / "bomb.png", size=64)
    monkeypatch.setattr(video_files, "LARGEST_READ", 48 * 64 - 1)
    with pytest.raises(InputError, match=r"a\.png has 64x48 pixels, .* are read: reduce it in a program for photos"):
        load_image(path, size=16)


# --- By content, whatever the name ---------------------------------------------------------------------------------

FOREIGN = {
    "page": (b"\n<!DOCTYPE html>\n<html><head><title>404</title>", "is a web page: fetch the file itself again"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "run git lfs pull"),
    "drawing": (
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        "is a drawing in SVG: save it as png",
    ),
    "document": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF document: save the page as png first"),
    "archive": (b"PK\x03\x04\x14\0\0\0", "is an archive: unpack it"),
    "layers": (b"8BPS\0\x01\0\0", "is a Photoshop document: save it as png"),
    "raw": (b"II*\0\x10\0\0\0CR\x02\0", "is a camera's raw file: develop it"),
    "array": (b"\x93NUMPY\x01\0", "is a NumPy array: load it with NumPy"),
    "words": ("Größe: 3 Äpfel\n".encode() * 400, "is text, and holds no video"),
    "error": (b'{"error": "not found"}', "is text, and holds no video"),
    "empty": (b"", "is empty, without a single byte"),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("suffix", ["mp4", "jpg"])
def test_first_bytes_tell_what_a_file_is(tmp_path, kind, suffix):
    content, sentence = FOREIGN[kind]
    path = tmp_path / f"{kind}.{suffix}"
    path.write_bytes(content)
    for load in (load_clip, load_image, load_still):
        with pytest.raises(InputError, match=sentence):
            load(path)


def test_a_wrong_suffix_is_no_matter(tmp_path):
    saved(tmp_path / "a.jpg", corners(), format="PNG")
    assert apart(load_image(tmp_path / "a.jpg"), corners()) < 1e-3
    write(tmp_path / "film.mp4", pattern(3)).rename(tmp_path / "film.png")
    assert load_clip(tmp_path / "film.png", 3).frames == 3
    saved(tmp_path / "none", corners(), format="HEIF")
    assert load_image(tmp_path / "none").size == (48, 64)


def test_a_cameras_raw_file_is_not_taken_for_its_preview(tmp_path):
    saved(tmp_path / "a.dng", corners(), format="TIFF")
    saved(tmp_path / "renamed.tif", corners(), format="TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    saved(tmp_path / "preview.tif", corners(), format="TIFF", tiffinfo={254: 1})
    for name in ("a.dng", "renamed.tif", "preview.tif"):
        with pytest.raises(InputError, match="is a camera's raw file.*: develop it"):
            load_image(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match=r"pipe\.mp4 is no file"):
        load_clip(tmp_path / "pipe.mp4")


# --- Moving pictures and pages -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_our_own_previews_are_clips():
    clip = load_clip(SOURCE / "docs" / "demo.webp")
    assert (clip.frames, clip.fps) == (13, 24)
    assert load_clip(SOURCE / "docs" / "demo.webp", frames=None, fps=12).frames == 7


def test_so_is_what_show_writes(tmp_path):
    video = load_clip("koi", frames=5, size=64)
    (tmp_path / "koi.webp").write_bytes(show.webp(show.to_uint8(video.video), 10))
    back = load_clip(tmp_path / "koi.webp", frames=None)
    assert back.fps == 10
    assert back.frames == 5
    assert np.abs(levels(back) - levels(video)).max() <= 1


MOVING = {"webp": {"lossless": True}, "png": {}, "gif": {}, "avif": {"quality": 95}}


@pytest.mark.parametrize("suffix", MOVING)
def test_moving_pictures_are_clips(tmp_path, suffix):
    written = np.stack([np.roll(corners(), 3 * k, axis=1) for k in range(6)])
    path = moving(tmp_path / f"a.{suffix}", written, duration=100, loop=0, **MOVING[suffix])
    clip = load_clip(path, frames=None)
    assert clip.fps == pytest.approx(10)
    assert apart(clip, written) < 3
    assert apart(load_clip(path, frames=2, start=3), written[3:5]) < 3
    assert apart(load_clip(path, frames=None, fps=5), written[::2]) < 3
    assert look(path) == (48, 64, True)
    with pytest.raises(InputError, match=r"fps=20 is above the 10 of .*: give at most fps=10"):
        load_clip(path, frames=None, fps=20)
    with pytest.raises(InputError, match="has only 6: give frames=6 or fewer"):
        load_clip(path)
    uneven = moving(tmp_path / f"uneven.{suffix}", written, duration=[100, 100, 400, 100, 100, 100], **MOVING[suffix])
    with pytest.warns(UserWarning, match=r"uneven has frames 0\.1 to 0\.4 seconds apart, kept as stored: give fps"):
        load_clip(uneven, frames=None)


@pytest.mark.parametrize("disposal", [1, 2])
def test_a_gif_of_parts_is_put_together(tmp_path, disposal):
    still = np.zeros((40, 60, 4), np.uint8)
    frames = [still.copy() for _ in range(4)]
    for k, frame in enumerate(frames):
        frame[10:20, 5 + 10 * k : 15 + 10 * k] = (255, 50 * k, 0, 255)
        frame[..., 3] = 255 if disposal == 1 else frame[..., 3]
    path = moving(tmp_path / "a.gif", frames, duration=50, disposal=disposal)
    if disposal == 2:
        with pytest.warns(UserWarning, match="a has transparency"):
            clip = load_clip(path, frames=None)
    else:
        clip = load_clip(path, frames=None)
    assert clip.fps == pytest.approx(20)
    for frame, made in zip(frames, levels(clip), strict=True):
        seen = frame[..., 3] > 0
        assert np.abs(made - frame[..., :3])[seen].max() < 1


def test_times_that_were_never_set_are_a_tenth_of_a_second(tmp_path):
    assert load_clip(moving(tmp_path / "a.gif", pattern(3), duration=0), frames=None).fps == pytest.approx(10)


def test_a_pngs_stand_in_is_no_frame(tmp_path):
    frames = [np.full((8, 8, 3), 40 * k, np.uint8) for k in range(4)]
    path = moving(tmp_path / "a.png", frames, duration=100, default_image=True)
    assert [round(frame.mean()) for frame in levels(load_clip(path, frames=None))] == [40, 80, 120]


def test_pages_are_frames(tmp_path):
    pages = pattern(5)
    path = moving(tmp_path / "scan.tif", pages)
    assert apart(load_clip(path, frames=None), pages) < 1e-3
    assert load_clip(path, frames=2, start=1, fps=30).fps == 30  # which only names the rate
    with pytest.warns(UserWarning, match=r"scan has several pages, of which one is taken: load_clip\(path, frames="):
        assert apart(load_image(path), pages[0]) < 1e-3
    mixed = Image.fromarray(pages[0])
    mixed.save(tmp_path / "mixed.tif", save_all=True, append_images=[Image.fromarray(pages[1][:20])])
    with pytest.raises(InputError, match="mixes frames of 2 sizes"):
        load_clip(tmp_path / "mixed.tif", frames=None)


@pytest.mark.parametrize("suffix", ["avif", "heic", "gif", "webp", "tif"])
def test_folders_of_any_stills(tmp_path, suffix):
    assert f".{suffix}" in PICTURES
    pictures = pattern(3)
    for k, picture in enumerate(pictures):
        saved(tmp_path / f"{k}.{suffix}", picture, quality=95)
    assert apart(load_clip(tmp_path, frames=3), pictures) < 5
    assert load_images(tmp_path).batch.shape == (3, 3, 48, 64)


def test_photos_that_come_with_others_are_the_first(tmp_path):
    first, second = (Image.fromarray(picture) for picture in (corners(), 255 - corners()))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second], quality=95)  # a gain map, or 3D
    first.save(tmp_path / "a.heic", save_all=True, append_images=[second], quality=95)
    for name in ("a.jpg", "a.heic"):
        assert apart(load_image(tmp_path / name), corners()) < 4
        assert not look(tmp_path / name).moves


# --- Colours -------------------------------------------------------------------------------------------------------


def test_a_colour_profile_is_followed(tmp_path):
    skimage = pytest.importorskip("skimage")
    photo = Path(skimage.__file__).parent / "data" / "rocket.jpg"  # in Adobe RGB
    with Image.open(photo) as image:
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])), ImageCms.createProfile("sRGB")
        wanted = np.asarray(ImageCms.profileToProfile(image, own, srgb))
        stored = np.asarray(image)
    assert np.abs(wanted.astype(int) - stored).mean() > 3
    assert apart(load_image(photo), wanted) < 0.5
    assert apart(load_image("rocket"), stored) < 0.5  # by its name it stays as the evidence has measured it


def test_a_profile_that_cannot_be_used_is_said(tmp_path):
    with pytest.warns(UserWarning, match="a has a colour profile that cannot be used"):
        load_image(saved(tmp_path / "a.png", corners(), icc_profile=b"no profile at all"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert apart(load_image(saved(tmp_path / "b.png", corners(), icc_profile=srgb)), corners()) < 1e-3


def test_colours_for_print(tmp_path):
    with pytest.warns(UserWarning, match=r"a is made for print \(CMYK\)"):
        assert apart(load_image(saved(tmp_path / "a.jpg", Image.fromarray(corners()).convert("CMYK"))), corners()) < 6


def test_pictures_for_hdr_screens_are_said(tmp_path):
    for transfer in ("smpte2084", "arib-std-b67"):
        path = tmp_path / f"{transfer}.avif"
        source = ["-f", "lavfi", "-i", "color=c=0x808080:s=64x48", "-frames:v", "1", "-pix_fmt", "yuv420p10le"]
        meant = ["-vf", f"setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc"]
        coded = ["-c:v", "libaom-av1", "-cpu-used", "8", "-still-picture", "1", str(path)]
        program = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *source, *meant, *coded]
        if subprocess.run(program, check=False, capture_output=True).returncode:
            pytest.skip("this ffmpeg writes no avif")
        with pytest.warns(UserWarning, match="is a picture for HDR screens"):
            load_image(path)


RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))
DEEP = {
    "16.png": (RAMP * 65535).astype(np.uint16),
    "16.tif": (RAMP * 65535).astype(np.uint16),
    "16.pgm": (RAMP * 65535).astype(np.uint16),
    "float.tif": RAMP.astype(np.float32),
}


@pytest.mark.parametrize("name", DEEP)
def test_more_than_8_bits_keep_their_range(tmp_path, name):
    image = Image.fromarray(DEEP[name])
    image.save(tmp_path / name)
    with pytest.warns(UserWarning, match="is grey: its one channel is repeated"):
        clip = load_image(tmp_path / name)
    assert np.abs(levels(clip) - 255 * RAMP[..., None]).max() < 1.5


def test_sixteen_bits_of_colour(tmp_path):
    deep = np.dstack([RAMP, RAMP[:, ::-1], RAMP * 0 + 0.5])
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb48le"]
    for name in ("a.png", "a.tiff"):
        pixels = (deep * 65535).astype("<u2").tobytes()
        subprocess.run([*ffmpeg, "-s", "64x48", "-i", "-", str(tmp_path / name)], input=pixels, check=True)
        assert np.abs(levels(load_image(tmp_path / name)) - 255 * deep).max() < 1.5


def test_numbers_without_a_range_are_stretched_and_it_is_said(tmp_path):
    saved(tmp_path / "a.tif", Image.fromarray((RAMP * 300 - 100).astype(np.float32)))
    saved(tmp_path / "b.tif", Image.fromarray((RAMP * 300 - 100).astype(np.int32)))
    for name in ("a", "b"):
        with pytest.warns(UserWarning, match=f"{name} (holds numbers from -100 to 200|is grey)") as said:
            clip = load_image(tmp_path / f"{name}.tif")
        assert len(said) == 2
        assert np.abs(levels(clip) - 255 * RAMP[..., None]).max() < 2
    saved(tmp_path / "hole.tif", Image.fromarray(np.full((8, 8), np.nan, np.float32)))
    with pytest.raises(InputError, match=r"hole\.tif is damaged .*not all of its numbers are finite"):
        load_image(tmp_path / "hole.tif")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA"])
def test_every_way_to_store_a_colour(tmp_path, mode):
    picture = Image.fromarray(corners())
    if mode == "P":
        picture = picture.quantize(16)
    elif mode == "PA":
        picture, mode = picture.quantize(16), "P"
        picture.info["transparency"] = 0
    else:
        picture = picture.convert(mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(Image.fromarray(np.arange(64, dtype=np.uint8)[None].repeat(48, 0)))
    path = saved(tmp_path / "a.png", picture)
    words = [word for word, at in (("is grey", mode in ("1", "L", "LA")), ("has transparency", "A" in mode)) if at]
    words += ["has transparency"] if picture.info.get("transparency") == 0 else []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clip = load_image(path)
    assert len(said) == len(words)
    assert all(any(word in str(one.message) for one in said) for word in words)
    opaque = Image.new("RGB", (64, 48))
    opaque.paste(
        picture.convert("RGB") if "A" not in mode else Image.fromarray(np.asarray(picture)[..., :-1].squeeze())
    )
    assert apart(clip, np.asarray(opaque)) < 1


# --- Numbers, addresses, servers -----------------------------------------------------------------------------------


def test_whole_numbers_may_be_of_numpy():
    clip = load_clip("koi", frames=np.int64(3), start=np.int32(1), size=np.int16(32))
    assert clip.video.shape == (3, 3, 18, 32)
    assert load_image("coffee", size=(np.int64(20), np.uint8(30))).size == (20, 30)
    config = preset("smoke", iterations=np.int64(5), lr=np.float32(0.5), sampling_rates=np.array([4, 2, 1]).tolist())
    config = config.replace(channels=np.int64(8), adam_betas=(np.float64(0.5), np.float32(0.5)), freeze=np.bool_(True))
    assert [type(value) for value in (config.iterations, config.channels, config.lr)] == [int, int, float]
    assert from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert type(check_whole("n", np.int64(3))) is int
    for wrong in (True, np.bool_(True), 2.0, np.float64(2), "2", None):
        with pytest.raises(InputError, match="must be a whole number"):
            check_whole("n", wrong)
    with pytest.raises(InputError, match="iterations is True, but must be"):
        Config(iterations=True)
    for request in ({"frames": True}, {"start": False}, {"size": True}):
        with pytest.raises(InputError):
            load_clip("koi", **request)


def test_addresses_of_files(tmp_path):
    folder = tmp_path / "my photos"
    folder.mkdir()
    path = saved(folder / "50 % #1.png", corners())
    for address in (path.as_uri(), path.as_uri().replace("file://", "file://localhost"), "FILE:" + path.as_uri()[7:]):
        assert load_image(address).size == (48, 64)
    assert load_images(folder.as_uri()).batch.shape == (1, 3, 48, 64)
    assert load_images([path.as_uri()]).batch.shape == (1, 3, 48, 64)
    with pytest.raises(InputError, match="is a file on another machine"):
        load_image("file://elsewhere/a.png")
    with pytest.raises(InputError, match="is an address: fetch it with download_clip first"):
        load_images("https://example.org/a.png")


class Moody(BaseHTTPRequestHandler):
    """Answers with the code in its path; a file for those who say who they are; or half of one."""

    def do_GET(self):
        code = self.path.strip("/")
        if code == "slow":
            time.sleep(3)
        if code == "named":
            code = "200" if "hpvae_nb" in self.headers["User-Agent"] else "403"
        self.send_response(200 if code in ("half", "slow") else int(code))
        self.send_header("Content-Length", "6")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # who waited too long has gone
            self.wfile.write(b"abc" if code == "half" else b"abcdef")

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


ABCDEF = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"


def test_servers_are_told_who_asks(server, tmp_path):
    assert download_clip(server + "named", ABCDEF, tmp_path).read_bytes() == b"abcdef"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("404", r"answers 404 \(Not Found\), there is no such file: check the address"),
        ("403", r"answers 403 \(Forbidden\), it refuses programs or strangers: fetch the file in a browser"),
        ("429", r"answers 429 .*, it was asked too often: try again later"),
        ("418", r"answers 418 .*, it does not understand: check the address"),
        ("500", r"answers 500 .*, it has trouble of its own: try again later"),
        ("half", r"the connection could not be made, or broke off"),
    ],
)
def test_what_a_server_says_is_said(server, tmp_path, what, sentence):
    with pytest.raises(InputError, match=sentence):
        download_clip(server + what, ABCDEF, tmp_path)
    assert not list(tmp_path.iterdir())  # nothing half stays


def test_a_server_that_does_not_answer(server, tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.downloaders.DEFAULT_TIMEOUT", 0.2)
    with pytest.raises(InputError, match="does not answer in time, try again later"):
        download_clip(server + "slow", ABCDEF, tmp_path)


def test_errors_of_the_network_are_told_apart():
    class SSLError(OSError):
        response = None

    class ConnectionError_(OSError):
        response = None

    assert "certificate is not accepted" in download._why(SSLError("bad"))
    assert "no server of that name" in download._why(ConnectionError_("Failed to resolve 'nowhere.invalid'"))


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match=r"taken.* cannot keep .*: give folder=, one that can be written"):
        download_clip(server + "named", ABCDEF, tmp_path / "taken" / "clips")
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda **_: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(InputError, match=r"cannot keep .*: give folder="):
        download_clip(server + "named", ABCDEF, tmp_path / "locked")
