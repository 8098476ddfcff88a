"""Videos as people bring them: each kind written by FFmpeg, and read as a player shows it, or with a word."""

import os
import random
import re
import subprocess
import warnings

import av
import av.logging
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from test_clips import levels, lossless, pattern, which_frames, write

from hpvae_nb.errors import InputError
from hpvae_nb.io.clips import load_clip
from hpvae_nb.io.images import load_image
from hpvae_nb.io.video_files import look

MOVING = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=24:d=1")
TWO_MOMENTS = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=48:d=1", "-vf", "interlace=lowpass=0")
X264, X265 = ("-c:v", "libx264"), ("-c:v", "libx265", "-x265-params")


def ffmpeg(*arguments, **more):
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    return subprocess.run([*program, *map(str, arguments)], check=True, capture_output=True, **more).stdout


def made(path, *arguments):
    ffmpeg(*arguments, path)
    return path


def shown(path, *filters):
    """What the ffmpeg program shows of a file: uint8 't h w c'; it undoes quarter turns and mirrors by itself."""
    height, width = look(path)[:2]
    raw = ffmpeg(
        "-i", path, *filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-sws_flags", "accurate_rnd+full_chroma_int", "-"
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def told(path, frames=None, **request):
    """A clip, and the sentences that came with it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clip = load_clip(path, frames, **request)
    return clip, " / ".join(str(word.message) for word in said)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """24 frames as a phone would store them."""
    return made(tmp_path_factory.mktemp("plain") / "plain.mp4", *MOVING, *X264, "-bf", "2", "-g", "8")


# --- The same picture again ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "codec"), [("dup.ogv", ("-c:v", "libtheora", "-q:v", "7")), ("dup.mkv", X264)])
def test_repeated_pictures_are_frames_of_their_own(tmp_path, name, codec):
    path = made(tmp_path / name, "-f", "lavfi", "-i", "testsrc2=s=96x64:r=8:d=4", "-r", "24", *codec)
    with av.open(str(path)) as container:
        if sum(packet.pts is not None for packet in container.demux(video=0)) < 96:
            pytest.skip("this ffmpeg writes no packets for repeated pictures, but leaves gaps, which are said")
    clip, said = told(path)
    assert (clip.frames, clip.fps, said) == (96, 24, "")
    apart = clip.video.diff(dim=1).abs().mean(dim=(0, 2, 3))
    assert apart[2::3].min() > 2 * max(apart[0::3].max(), apart[1::3].max())  # every third picture is new
    assert load_clip(path, 13, start=80).frames == 13


def test_dropped_frames_of_an_avi_leave_a_gap_that_is_said(tmp_path):
    path = write(tmp_path / "drop.avi", pattern(8), "mjpeg", "yuvj420p", {"qmin": "1", "qmax": "2"})
    whole = bytearray(path.read_bytes())
    index = whole.index(b"idx1") + 8  # entries of 16 bytes: name, flags, where, how long
    for number in (3, 4):
        entry = index + 16 * number
        where = int.from_bytes(whole[entry + 8 : entry + 12], "little") + whole.index(b"movi")
        whole[entry + 12 : entry + 16] = whole[where + 4 : where + 8] = bytes(4)
    path.write_bytes(whole)
    clip, said = told(path)
    assert which_frames(clip) == [0, 1, 2, 5, 6, 7]
    assert "drop has frames 0.0417 to 0.125 seconds apart, kept as stored: give fps" in said
    assert which_frames(load_clip(path, None, fps=24)) == [0, 1, 2, 2, 5, 5, 6, 7]


# --- Upright -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirror", ["-display_hflip", "-display_vflip"])
def test_mirrors_of_the_display_matrix(tmp_path, plain, degrees, mirror):
    path = made(tmp_path / "m.mp4", "-display_rotation", degrees, mirror, "-i", plain, "-c", "copy")
    clip, said = told(path)
    assert (*clip.size, True) == look(path)
    assert clip.size == ((64, 48) if degrees % 180 else (48, 64))
    assert np.abs(levels(clip) - shown(path)).mean() < 8  # colours at edges are drawn otherwise
    assert np.abs(levels(clip) - shown(path)[:, ::-1]).mean() > 30
    assert said == ""


@pytest.mark.parametrize(("degrees", "nearest"), [(10, 0), (100, 90), (181.5, 180)])
def test_a_slanting_note_is_said(tmp_path, plain, degrees, nearest):
    slanting = made(tmp_path / "s.mp4", "-display_rotation", degrees, "-i", plain, "-c", "copy")
    quarter = made(tmp_path / "q.mp4", "-display_rotation", nearest, "-i", plain, "-c", "copy")
    clip, said = told(slanting)
    assert re.search(r"s is noted to lie \d+ degrees aslant: only quarter turns are undone", said)
    assert torch.equal(clip.video, load_clip(quarter, None).video)


# --- Square --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "width"), [("16/11", 93), ("8/9", 57), ("4/1", 256), ("1/2", 32)])
def test_pixels_that_are_not_square(tmp_path, plain, shape, width):
    path = made(tmp_path / "sar.mkv", "-i", plain, "-vf", f"setsar={shape}", *X264)
    clip, said = told(path)
    assert said == f"sar has pixels of {shape.replace('/', ':')}: it is resampled to square ones"
    assert clip.size == (48, width)
    assert look(path) == (48, width, True)
    filters = f"scale={width}:48:flags=bilinear"
    assert np.abs(levels(clip) - shown(path, "-vf", filters)).mean() < 12
    assert told(path, 2, size=32)[0].size == (max(1, round(48 * 32 / width)), 32)
    assert told(path, 2, size=(10, 20))[0].size == (10, 20)


def test_oblong_pixels_of_a_film_that_is_turned(tmp_path, plain):
    wide = made(tmp_path / "wide.mp4", "-i", plain, "-vf", "setsar=2/1", *X264)
    path = made(tmp_path / "turned.mp4", "-display_rotation", 90, "-i", wide, "-c", "copy")
    assert told(path)[0].size == (128, 48)
    assert look(path)[:2] == (128, 48)


@pytest.mark.parametrize(("shape", "word"), [("1/9", "cannot be meant"), ("1281/1280", ""), ("0/1", "")])
def test_pixel_shapes_that_are_no_shapes(tmp_path, plain, shape, word):
    path = made(tmp_path / "odd.mkv", "-i", plain, "-vf", f"setsar={shape}", *X264)
    clip, said = told(path)
    assert clip.size == (48, 64)
    assert (word in said) if word else said == ""


# --- Colours -------------------------------------------------------------------------------------------------------

GREYS = [[level] * 3 for level in (0, 16, 64, 128, 192, 255)]
COLOURS = [*GREYS, [192, 40, 48], [40, 192, 48], [40, 48, 192], [200, 180, 40], [224, 172, 140], [90, 130, 200]]
WIDER = {  # matrices from linear BT.709, from the chromaticities of the standards
    "bt2020": [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]],
    "smpte432": [[0.8225, 0.1775, 0.0], [0.0332, 0.9668, 0.0], [0.0171, 0.0724, 0.9105]],
}
WHITE = 203  # candela per square metre of standard white, by ITU-R BT.2408


def pq(light):
    """SMPTE ST 2084, of light in units of standard white."""
    power = (light * WHITE / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(light):
    """ITU-R BT.2100, for a screen of 1000 candela per square metre."""
    light = light * WHITE / 1000
    luminance = light @ [0.2627, 0.6780, 0.0593]
    scene = light * np.maximum(luminance, 1e-9)[:, None] ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12, (3 * scene) ** 0.5, 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


def gamma(light):
    return light ** (1 / 2.4)


@pytest.mark.slow  # FFmpeg makes tables for two seconds
@pytest.mark.parametrize(
    ("curve", "primaries", "matrix", "written", "word"),
    [
        ("arib-std-b67", "bt2020", "bt2020nc", hlg, r"high dynamic range \(HLG\)"),
        ("smpte2084", "bt2020", "bt2020nc", pq, r"high dynamic range \(PQ\)"),
        ("smpte2084", "unknown", "bt2020nc", pq, r"high dynamic range \(PQ\)"),
        ("bt2020-10", "bt2020", "bt2020nc", gamma, "the colours of BT.2020"),
        ("bt709", "smpte432", "bt709", gamma, "the colours of Display P3"),
    ],
)
def test_high_range_and_wide_colours_come_back(tmp_path, curve, primaries, matrix, written, word):
    light = (np.array(COLOURS) / 255) ** 2.4 @ np.array(WIDER["bt2020" if primaries == "unknown" else primaries]).T
    code = np.repeat(np.rint(65535 * written(light)).astype("<u2"), 8, axis=0)
    picture = np.ascontiguousarray(np.broadcast_to(code, (16, *code.shape)))
    path = tmp_path / "hdr.mp4"
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", f"{len(code)}x16", "-r", "24", "-i", "-")
    tags = f"setparams=color_trc={curve}:color_primaries={primaries}:colorspace={matrix}:range=tv"
    how = f"scale=out_color_matrix={matrix}:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv444p10le,{tags}"
    ffmpeg(*raw, "-vf", how, *X265, "lossless=1:log-level=none", path, input=picture.tobytes())
    clip, said = told(path)
    assert re.search(word, said)
    off = np.abs(levels(clip)[0, 8, 4::8] - COLOURS)
    assert off[: len(GREYS)].max() < 3
    assert off.mean() < 5
    assert off.max() < 25  # FFmpeg draws colours near the edge of what a screen can show inwards


# --- One moment a frame --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("tff.mp4", (*X264, "-flags", "+ilme+ildct", "-x264opts", "tff=1")),
        ("bff.ts", (*X264, "-flags", "+ilme+ildct", "-x264opts", "bff=1")),
        ("dvd.mpg", ("-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct")),
    ],
)
def test_interlaced_frames_lose_their_combs(tmp_path, name, codec):
    source = TWO_MOMENTS if name != "bff.ts" else (*TWO_MOMENTS[:-1], TWO_MOMENTS[-1] + ":scan=bff")
    clip, said = told(made(tmp_path / name, *source, *codec))
    assert f"{name[:3]} is interlaced: the two moments in each of its frames are merged into the first" in said
    assert (clip.frames, clip.fps) == (24, pytest.approx(24))
    combs = (clip.video[:, :, 1:-1] - (clip.video[:, :, 2:] + clip.video[:, :, :-2]) / 2).abs().mean()
    progressive = load_clip(made(tmp_path / "p.mp4", *MOVING, *X264), None).video
    assert combs < 1.3 * (progressive[:, :, 1:-1] - (progressive[:, :, 2:] + progressive[:, :, :-2]) / 2).abs().mean()
    assert told(tmp_path / name, 5)[0].frames == 5


def test_frames_before_the_interlaced_ones_stay_to_the_byte(tmp_path, plain):
    made(tmp_path / "a.ts", "-i", plain, "-c", "copy")
    made(tmp_path / "b.ts", *TWO_MOMENTS, *X264, "-flags", "+ilme+ildct", "-x264opts", "tff=1")
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    clip, said = told(tmp_path / "c.ts")
    assert clip.frames == 48
    assert "is interlaced" in said
    assert torch.equal(clip.video[:, :24], load_clip(plain, None).video)


# --- Transparency, tracks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p")),
        ("vp8.webm", ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0")),
        ("prores.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le")),
        ("qtrle.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
        ("ffv1.mkv", ("-c:v", "ffv1", "-pix_fmt", "yuva420p")),
        ("a.apng", ("-f", "apng", "-pix_fmt", "rgba")),
    ],
)
def test_transparency_is_said(tmp_path, name, codec):
    path = made(tmp_path / name, *MOVING, "-vf", "format=rgba,colorchannelmixer=aa=0.5", *codec)
    assert "has transparency: its alpha channel is dropped" in told(path, 2)[1]


def test_the_default_of_several_tracks_is_taken(tmp_path, plain):
    tracks = ("-i", plain, "-f", "lavfi", "-i", "color=red:s=64x48:r=24:d=1", "-map", "0:v", "-map", "1:v", *X264)
    path = made(tmp_path / "two.mkv", *tracks, "-disposition:v:0", "0", "-disposition:v:1", "default")
    clip, said = told(path)
    assert said == "two holds 2 videos: number 2 is taken, which players show first"
    assert np.abs(levels(clip) - (254, 0, 0)).max() < 6
    assert told(made(tmp_path / "first.mkv", *tracks))[1].startswith("first holds 2 videos: number 1")


@pytest.mark.parametrize("name", ["song.m4a", "song.mp3", "song.flac"])
def test_a_cover_is_no_video(tmp_path, name):
    cover = made(tmp_path / "cover.png", *MOVING, "-frames:v", 1)
    sources = ("-f", "lavfi", "-i", "sine=d=1", "-i", cover, "-map", "0", "-map", "1")
    path = made(tmp_path / name, *sources, "-c:v", "png", "-disposition:v", "attached_pic")
    for read in (load_clip, load_image, look):
        with pytest.raises(InputError, match=rf"{name} holds sound and a cover picture, but no video: give a video"):
            read(path)


def test_a_film_with_a_cover_is_a_film(tmp_path, plain):
    cover = made(tmp_path / "cover.png", *MOVING, "-frames:v", 1)
    maps = ("-i", cover, "-i", plain, "-map", "0", "-map", "1", "-c:v:0", "png", "-c:v:1", "copy")
    clip, said = told(made(tmp_path / "film.mp4", *maps, "-disposition:v:0", "attached_pic"))
    assert (clip.frames, clip.fps, said) == (24, 24, "")


# --- Damage --------------------------------------------------------------------------------------------------------


def spoil(path, share=0.6, seed=0):
    """50 bytes overwritten."""
    whole = bytearray(path.read_bytes())
    at = int(len(whole) * share)
    whole[at : at + 50] = random.Random(seed).randbytes(50)
    path.write_bytes(whole)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("cavlc.mp4", (*X264, "-profile:v", "baseline")),
        ("b.mp4", ("-c:v", "mpeg4", "-q:v", "4")),
        ("c.mpg", ("-c:v", "mpeg2video", "-q:v", "4")),
        ("d.flv", ("-c:v", "flv", "-q:v", "4")),
        ("e.mov", ("-c:v", "png")),
    ],
)
def test_damage_is_said_only_where_it_lies(tmp_path, name, codec):
    path = made(tmp_path / name, *MOVING, *codec)
    whole = load_clip(path, None).video
    with pytest.raises(InputError, match=r"is damaged at frame \d+, .*: copy or download it again, or") as refused:
        load_clip(spoil(path), None)
    sound = int(re.search(r"at frame (\d+)", str(refused.value))[1]) - 1  # these decoders find damage at once
    assert 5 < sound < 24
    clip, said = told(path, sound)
    assert torch.equal(clip.video, whole[:, :sound])
    assert said == ""


def test_frames_that_are_called_untouched_are(tmp_path):
    """Also of arithmetic codes, whose decoder finds damage late."""
    path, named = made(tmp_path / "g.mp4", *MOVING, *X264, "-g", "4", "-bf", "2"), 0
    whole, stored = load_clip(path, None).video, path.read_bytes()
    for seed in range(8):
        path.write_bytes(stored)
        try:
            load_clip(spoil(path, 0.4 + 0.05 * seed, seed), None)
        except InputError as refused:
            if found := re.search(r"first (\d+) frames, which it cannot", str(refused)):
                named += 1
                assert torch.equal(load_clip(path, int(found[1])).video, whole[:, : int(found[1])])
    assert named > 2


def test_what_a_decoder_notes_is_passed_on_each_time(tmp_path, caplog):
    path = spoil(made(tmp_path / "f.mkv", *MOVING, "-c:v", "ffv1", "-level", "3", "-slicecrc", "1"))
    for _ in range(2):
        assert "f may be damaged near frame 15, where its decoder notes an error: look at" in told(path)[1]
    assert told(path, 14)[1] == ""
    assert not caplog.records
    assert av.logging.get_level() is None


def test_a_damaged_phone_film_does_not_pass_in_silence(tmp_path, plain):
    """What a decoder of arithmetic codes can tell: most damage, not all."""
    whole, silent = load_clip(plain, None).video, 0
    for seed in range(10):
        path = tmp_path / f"{seed}.mp4"
        path.write_bytes(plain.read_bytes())
        try:
            clip, said = told(spoil(path, 0.3 + 0.05 * seed, seed))
            silent += not said and not torch.equal(clip.video, whole)
        except InputError:
            pass
    assert silent <= 3


@pytest.mark.parametrize(
    "codec", [X264, ("-c:v", "mpeg2video"), ("-c:v", "mpeg4"), (*X265, "open-gop=1:log-level=none")]
)
def test_a_recording_that_begins_in_the_midst_is_sound(tmp_path, codec):
    options = ("-x264-params", "open-gop=1") if codec == X264 else ()
    path = made(tmp_path / "whole.ts", *MOVING, *codec, *options, "-g", "8", "-bf", "2")
    whole, stored = load_clip(path, None).video, path.read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(stored[len(stored) // 188 // 3 * 188 :])
    clip, said = told(cut)
    assert said == ""
    assert 8 <= clip.frames < 24
    assert torch.equal(clip.video, whole[:, -clip.frames :])


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.99])
def test_half_an_mp4(tmp_path, plain, share):
    path = tmp_path / "half.mp4"
    path.write_bytes(plain.read_bytes()[: int(plain.stat().st_size * share)])
    with pytest.raises(InputError, match=r"\(its index is missing: .* cut off\): copy or download it again"):
        load_clip(path)
    with pytest.raises(InputError, match=r"\(its index is missing: .* cut off\): copy or download it again"):
        look(path)


def test_an_empty_file(tmp_path):
    (tmp_path / "no.mp4").touch()
    with pytest.raises(InputError, match=r"no\.mp4 is empty, without a single byte: fetch"):
        load_clip(tmp_path / "no.mp4")


def test_a_film_with_its_index_in_front_is_read_as_far_as_it_goes(tmp_path, plain):
    fast = made(tmp_path / "fast.mp4", "-i", plain, "-c", "copy", "-movflags", "faststart")
    fast.write_bytes(fast.read_bytes()[: int(fast.stat().st_size * 0.8)])
    assert torch.equal(load_clip(fast, 9).video, load_clip(plain, 9).video)
    with pytest.raises(
        InputError, match=r"is damaged at frame \d+, .* ask only for its first \d+ frames, which it cannot"
    ):
        load_clip(fast, None)


def test_an_mkv_that_ends_early_says_so(tmp_path):
    path = made(tmp_path / "early.mkv", *MOVING, *X264, "-g", "4")
    assert told(path)[1] == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "of the 1 seconds that it announces: it may be cut off" in told(path)[1]
    assert told(path, 3)[1] == ""


# --- What was always read ------------------------------------------------------------------------------------------

KINDS = {  # file: what to encode with; read in silence, with all frames
    "frag.mp4": (*X264, "-movflags", "frag_keyframe+empty_moov"),
    "a.ts": X264,
    "a.flv": X264,
    "a.3gp": ("-c:v", "mpeg4"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8"),
    "a.avi": ("-c:v", "mjpeg"),
    "packed.avi": ("-c:v", "mpeg4", "-bf", "2"),
    "a.asf": ("-c:v", "wmv2"),
    "raw.h264": X264,
    "prores.mov": ("-c:v", "prores_ks"),
    "deep.mp4": (*X264, "-pix_fmt", "yuv444p10le"),
    "deep12.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuv444p12le"),
    "rgb48.mkv": ("-c:v", "ffv1", "-pix_fmt", "gbrp16le"),
    "low.avi": ("-c:v", "rawvideo", "-pix_fmt", "yuv410p"),
    "slices.mp4": (*X264, "-x264-params", "slices=4"),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_that_are_read_in_silence(tmp_path, name):
    clip, said = told(made(tmp_path / name, *MOVING, *KINDS[name]))
    assert (clip.frames, said) == (24, "")


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 1), (3, 2)])
def test_frames_of_a_few_pixels(tmp_path, shape):
    written = pattern(3, *shape)
    clip, said = told(write(tmp_path / "small.avi", written, "rawvideo", "bgr24"))
    assert np.abs(levels(clip) - written).max() < 1e-3
    assert said == ""


def test_edit_lists_negative_times_and_sound_that_goes_on(tmp_path, plain):
    whole = load_clip(plain, None)
    edited = load_clip(made(tmp_path / "edit.mp4", "-ss", 0.5, "-i", plain, "-c", "copy"), None)
    assert torch.equal(edited.video, whole.video[:, -edited.frames :])
    negative = made(tmp_path / "neg.mkv", "-i", plain, "-c", "copy", "-output_ts_offset", -5)
    longer = made(tmp_path / "long.mp4", "-i", plain, "-f", "lavfi", "-i", "sine=d=4", "-c:v", "copy", "-c:a", "aac")
    for path in (negative, longer):
        clip, said = told(path)
        assert (clip.frames, clip.fps, said) == (24, 24, "")


def test_a_long_freeze_is_kept_and_said(tmp_path):
    path = write(tmp_path / "freeze.mp4", pattern(5), options={"crf": "8"}, times=[0, 40, 80, 5080, 5120], fps=25)
    clip, said = told(path)
    assert (clip.frames, "frames 0.04 to 5 seconds apart" in said) == (5, True)
    assert load_clip(path, None, fps=5).frames == 26


def test_of_a_huge_file_only_what_is_wanted_is_read(tmp_path):
    path = lossless(tmp_path / "huge.avi", pattern(14))
    os.truncate(path, 5_000_000_000)  # a hole: it takes no room on the disk
    assert which_frames(load_clip(path)) == list(range(13))


@pytest.mark.parametrize(
    "name",
    ["%03d.mp4", "a#b.mp4", "fête \N{PARTY POPPER}.mp4", "two\nlines.mp4", " a b .mp4", "-i.mp4", "a:b.mp4", "{}.mp4"],
)
def test_names(tmp_path, plain, monkeypatch, name):
    try:
        (tmp_path / name).write_bytes(plain.read_bytes())
    except OSError:
        pytest.skip("this system has no such names")
    monkeypatch.chdir(tmp_path)
    assert load_clip(name, 2).frames == 2
    assert load_clip(tmp_path / name, 2).frames == 2


def test_a_size_that_changes_in_midstream_is_said(tmp_path, plain):
    made(tmp_path / "a.ts", "-i", plain, "-c", "copy")
    made(tmp_path / "b.ts", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=24:d=1", *X264)
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with pytest.raises(InputError, match=r"mixes frames of 2 sizes, from 64x48 to 96x64 pixels.*: give size="):
        load_clip(tmp_path / "c.ts", None)
    assert load_clip(tmp_path / "c.ts", None, size=(24, 32)).frames == 48
