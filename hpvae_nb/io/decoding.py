"""From an opened file to its frames: which of its videos, what repeats, where damage begins, and moments in halves."""

import contextlib
import math
import re
import struct
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hpvae_nb.errors import InputError, require
from hpvae_nb.io.shown import ALPHA_SAID

STRICT = {"err_detect": "crccheck+explode"}  # else a decoder fills what is damaged from its surroundings
_WAY = "give a video file, or a folder of pictures"
_DOUBT = "look at the frames, or copy or download it again"
_MERGED = "{} is interlaced: the two moments in each of its frames are merged into the first"
_FIRST = {b"ftyp", b"wide", b"mdat"}  # with which part an mp4 or mov begins
_INDEX = {b"moov", b"meta"}  # of a film, and of pictures as HEIC and AVIF
_BOXES = 1000  # parts that are looked at; an index that comes later is found by FFmpeg
_LEAST = 4  # rows and columns that a frame needs to be merged
_LISTENING = threading.Lock()  # PyAV's level and its count are those of the whole process


def track_of(container: Any, name: object, said: set[str]) -> Any:
    """The video stream that a player would show.

    Raises:
        InputError: there is none, or only the cover of what is heard.
    """
    kinds = require("av.stream", "reading videos and pictures").Disposition
    videos = container.streams.video if container.format.name != "tty" else ()  # FFmpeg films text as a terminal
    films = [video for video in videos if not video.disposition & kinds.attached_pic]
    if not films:
        what = "sound and a cover picture, but no video" if videos else "no video"
        raise InputError(f"{name} holds {what}: {_WAY}")
    track = max(films, key=lambda film: bool(film.disposition & kinds.default))
    if track.codec_context is None:  # its name is damaged, or newer than FFmpeg
        raise InputError(f"{name} holds a video of a kind that is not known: save it again as mp4")
    if len(films) > 1:
        said.add(f"{{}} holds {len(films)} videos: number {films.index(track) + 1} is taken, which players show first")
    if track.metadata.get("alpha_mode") == "1":  # webm keeps it beside the pictures, where FFmpeg's decoders pass it by
        said.add(ALPHA_SAID)
    track.thread_type = "SLICE"  # threads over frames would decode ahead of what is wanted
    if track.codec_context.name == "h264":
        track.codec_context.thread_count = 1  # with several, FFmpeg forgets to mark the frames that it had to guess
    return track


def frames_of(packets: Iterable[Any], track: Any, said: set[str]) -> Iterator[Any]:
    """Every frame in order of time; at damage FFmpeg's error, after the last frame before it."""
    return _merged(_repeated(packets, track, said), said)


def _repeated(packets: Iterable[Any], track: Any, said: set[str]) -> Iterator[Any]:
    """The frames, and for each empty packet, which means "the same again", the one before it once more."""
    times: list[int] = []
    last = None
    for frame in _decoded(packets, track, times, said):
        while last is not None and times and frame.pts is not None and times[0] < frame.pts:
            last.pts = times.pop(0)
            yield last
        yield frame
        last = frame
    while last is not None and times:
        last.pts = times.pop(0)
        yield last


def _decoded(packets: Iterable[Any], track: Any, empty: list[int], said: set[str]) -> Iterator[Any]:
    """The frames that are stored; `empty` receives the times of packets that hold none."""
    failure = require("av", "reading videos and pictures").error.FFmpegError
    keys, torn, begun, sound = 0, False, math.inf, math.inf
    done, doubted = 0, False
    guesses = track.codec_context.name == "mpeg4"  # as if what came before had been grey
    try:
        for packet in packets:
            time = packet.dts if packet.pts is None else packet.pts
            if not packet.size:  # PyAV's mark of the end is empty, too, and has no time
                empty += [] if time is None else [time]
                continue
            # What was recorded from the air or cut from a stream begins with packets that need others before them; and
            # the frames between its first whole picture and the next may name some that nothing is taken from.
            begun = time if packet.is_keyframe and not keys and time is not None else begun
            keys += packet.is_keyframe
            torn = torn or not keys
            if guesses and not keys:
                continue
            lacking = (torn and keys < 2) or (time is not None and time < begun < math.inf)
            try:
                frames, noted = _heard(packet)
            except failure:
                if lacking:
                    continue
                sound = -math.inf if time is None else time
                raise
            if noted and not lacking and not doubted:
                doubted = True
                said.add(f"{{}} may be damaged near frame {done + 1}, where its decoder notes an error: {_DOUBT}")
            yield from frames
            done += len(frames)
    except failure:
        yield from (frame for frame in _rest(track) if frame.pts is not None and frame.pts < sound)
        raise
    yield from _rest(track)


def _heard(packet: Any) -> tuple[list[Any], bool]:
    """The frames of a packet, and whether its decoder noted an error without failing or marking a frame.

    PyAV counts errors while it listens to FFmpeg; at PANIC it hands none of them to Python's logging. It listens no
    longer than needed, for a thread of FFmpeg that has something to say waits for Python.
    """
    log = require("av.logging", "reading videos and pictures")
    with _LISTENING:
        level, (before, _) = log.get_level(), log.get_last_error()
        try:
            if level is None:
                log.set_level(log.PANIC)
            frames = packet.decode()
        finally:
            if level is None:
                log.set_level(None)
        count, _ = log.get_last_error()
    return frames, count > before and not any(frame.is_corrupt for frame in frames)


def _rest(track: Any) -> Iterator[Any]:
    """What the decoder kept back to bring it in order."""
    for frame in track.decode(None):
        frame.time_base = track.time_base
        yield frame


def _merged(frames: Iterable[Any], said: set[str]) -> Iterator[Any]:
    """The frames; where they hold two moments, one in their odd and one in their even rows, of the first alone."""
    graph = shape = None
    for frame in frames:
        if graph is not None and shape != (frame.width, frame.height, frame.format.name):
            yield from _pulled(graph, None)
            graph = None
        if graph is None and frame.interlaced_frame and min(frame.width, frame.height) >= _LEAST:
            said.add(_MERGED)
            graph, shape = _merging(frame), (frame.width, frame.height, frame.format.name)
        yield from (frame,) if graph is None else _pulled(graph, frame)
    if graph is not None:
        yield from _pulled(graph, None)


def _merging(frame: Any) -> Any:
    """FFmpeg's filter for it, which leaves alone the frames that are of one moment."""
    graph = require("av.filter", "reading videos").Graph()
    buffer = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(
        buffer, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    ).configure()
    return graph


def _pulled(graph: Any, frame: Any) -> Iterator[Any]:
    graph.vpush(frame)
    with contextlib.suppress(BlockingIOError, EOFError):  # it wants more, or has given all
        while True:
            yield graph.vpull()


def cut_off(path: Path) -> str:
    """What a file lacks, where its first bytes tell: the whole index of an mp4 or mov."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        for _ in range(_BOXES):
            file.seek(at)
            length, kind, longer = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
            if at == 0 and kind not in _FIRST:
                return ""
            at += max(8, longer if length == 1 else length or size)
            if kind in _INDEX and at <= size:
                return ""
            if kind in _INDEX or at >= size:
                return "its index is missing: the recording or the copy was cut off"
    return ""


def ends_early(container: Any, track: Any, end: float) -> str:
    """A sentence, if mkv or webm announces more seconds than there are; FFmpeg takes their end as it comes."""
    if "matroska" not in container.format.name:
        return ""
    seconds = (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0.0
    if stated := re.fullmatch(r"(\d+):(\d+):([\d.]+)", track.metadata.get("DURATION", "")):
        seconds = 3600 * int(stated[1]) + 60 * int(stated[2]) + float(stated[3])
    missing = end < 0.98 * seconds - 0.1
    return (
        f"{{}} ends at {end:.3g} of the {seconds:.3g} seconds that it announces: it may be cut off" if missing else ""
    )
