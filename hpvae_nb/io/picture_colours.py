"""What Pillow decoded as 8 bits of red, green and blue: without palettes, alpha, 16 bits, other screens and inks.

``said`` receives a sentence, with ``{}`` for the clip's name, for whatever had to be changed or dropped.
"""

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpvae_nb.errors import require
from hpvae_nb.io.shown import ALPHA_SAID, GREY_SAID

INKS_SAID = "{} is made for print (CMYK) without saying for which inks: its colours are near, but not exact"
PROFILE_SAID = "{} has a colour profile that cannot be used: its numbers are taken as those of a screen (sRGB)"


def eight_bits(image: Any, said: set[str]) -> Any:
    """The same picture of 8 bits, without palette and transparency; the colours under an alpha stay as stored."""
    if image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I"):
        if image.format != "GIF":  # to which grey is a palette as any other
            said.add(GREY_SAID)
        if image.mode[0] in "IF":
            pillow = require("PIL.Image", "reading pictures", "pillow")
            return pillow.fromarray(_levels(np.asarray(image), image.format, said))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            said.add(ALPHA_SAID)
        return image.convert("RGB")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))


def _levels(values: NDArray[Any], kind: str, said: set[str]) -> NDArray[np.uint8]:
    """Numbers of more than 8 bits as levels: by their type's range, or from lowest to highest where it has none."""
    if values.dtype.itemsize == 2 or (values.dtype == np.int32 and kind in ("PNG", "PPM")):
        return (values >> 8).astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(high - low):
        raise ValueError("not all of its numbers are finite")
    if values.dtype == np.int32 or low < 0 or high > 1:
        said.add(f"{{}} holds numbers from {low:g} to {high:g}: the lowest becomes black, the highest white")
        values = (values - low) / ((high - low) or 1)
    return np.asarray(values * 255).round().astype(np.uint8)


def screen_colours(image: Any, profile: bytes | None, said: set[str]) -> Any:
    """Red, green and blue of sRGB: by theirs, phones mean Display P3, cameras Adobe RGB, and printers inks."""
    if profile:
        cms = require("PIL.ImageCms", "reading colour profiles", "pillow")
        try:
            own = cms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in cms.getProfileDescription(own):
                return cms.profileToProfile(image, own, cms.createProfile("sRGB"), outputMode="RGB")
        except (cms.PyCMSError, OSError, ValueError):
            said.add(PROFILE_SAID)
    elif image.mode == "CMYK":
        said.add(INKS_SAID)
    return image.convert("RGB")
