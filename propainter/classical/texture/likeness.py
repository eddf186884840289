"""How alike two places of a picture are: measured against how much each of them varies, so that smooth places do not win.

Two places of one texture, out of step, differ by twice its variance; a smooth place differs from it by its variance once. So
a plain squared difference prefers the sky to the facade next door. Divided by the variance of both, places of one texture
differ by about 1 at most and what is smooth by no less; in step they differ by nearly nothing. Texture features tell kinds
apart (Newson 2014).

Here: a picture with what is compared (``Look``). Not here: which places are compared (``offsets.py``, ``pieces.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from propainter.classical.harmonic import Field, Mask, fill_harmonic

NOISE = 0.04**2
"""Variance, of a range of 2, that is nothing to the eye."""
_CALMEST, _MOST_GRAIN = 0.1, 0.08**2
"""Share of the picture that is calm enough to show its grain; and variance of grain at most: beyond that it is texture."""
_LOW_SIGMA, _TEXTURE_SIGMA = 3.0, 4.0
"""Sigmas in pixels of the surroundings whose mean colour and texture are a pixel's features."""
_LOW_WEIGHT, _TEXTURE_WEIGHT, _DIRECTION_WEIGHT = 4.0, 1.0, 0.3
"""What a squared difference of them counts, against a relative difference of the pictures."""
_LEAST_CONTRAST = 0.02
"""Contrast below which one texture is as smooth as another."""
_LEAST_SLOPE = 0.01
"""Slope below which a texture has no direction."""


@dataclass(frozen=True)
class Look:
    """A picture, and what of its surroundings is compared for every pixel. Weighted: differences are squared and added."""

    picture: Field
    """(h, w, 3)."""
    features: Field
    """(h, w, c): mean colour, contrast and slopes as logarithms, direction; harmonic where nothing is known."""
    variance: Field
    """(h, w): of the three channels together, divided by three."""
    grain: float
    """Variance of what is new in every place: two places that show the same thing differ by twice that."""
    known: Mask
    """(h, w): what is compared."""
    usable: Mask
    """(h, w): what may be copied."""

    def relative(self, gap: Field, spread: Field) -> Field:
        """A mean squared difference, beyond that of grain, against the variance of both places together."""
        relative: Field = np.maximum(gap - np.float32(2 * self.grain), 0) / (spread + np.float32(NOISE))
        return relative

    def lacks(self, rows: np.ndarray, columns: np.ndarray) -> Mask:
        """Which places lie outside the picture or may not be copied."""
        height, width = self.usable.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        lacking: Mask = ~(inside & self.usable[rows.clip(0, height - 1), columns.clip(0, width - 1)])
        return lacking


def look_of(picture: Field, known: Mask, usable: Mask) -> Look:
    """The look of a picture (h, w, 3) of which only what is known (h, w) is read, and only what is usable copied."""
    grey: Field = np.where(known, picture.mean(2), np.float32(0))
    share = known.astype(np.float32)

    def mean(image: Field, sigma: float, among: Field = share) -> Field:
        weight = np.maximum(cv2.GaussianBlur(among, (0, 0), sigma), np.float32(1e-3))
        blurred = cv2.GaussianBlur(image * (among[..., None] if image.ndim == 3 else among), (0, 0), sigma)
        result: Field = blurred / (weight[..., None] if image.ndim == 3 else weight)
        return result

    low = mean(picture, _LOW_SIGMA)
    variance: Field = np.maximum(mean(picture**2, _TEXTURE_SIGMA) - mean(picture, _TEXTURE_SIGMA) ** 2, 0).mean(2)
    slopes = []
    for axis in (1, 0):
        step = np.abs(np.diff(grey, axis=axis, append=np.take(grey, [-1], axis)))
        slopes.append(mean(step, _LOW_SIGMA, (known & np.roll(known, -1, axis)).astype(np.float32)))
    contrast = np.log(np.stack([np.sqrt(variance), *slopes], 2) + np.float32(_LEAST_CONTRAST))
    parts = ((low, _LOW_WEIGHT / 3), (contrast, _TEXTURE_WEIGHT / 3), (_direction(grey, known), _DIRECTION_WEIGHT))
    features = np.concatenate([part * np.float32(weight**0.5) for part, weight in parts], 2).astype(np.float32)
    grain = min(float(np.quantile(variance[known], _CALMEST)), _MOST_GRAIN) if known.any() else 0.0
    filled = fill_harmonic(features, ~known), fill_harmonic(variance[..., None], ~known)[..., 0]
    return Look(picture, *filled, grain, known, usable)


def _direction(grey: Field, known: Mask) -> Field:
    """Where the slopes around a pixel point, as a doubled angle (h, w, 2), as long as they agree."""
    across, down = cv2.Sobel(grey, -1, 1, 0) / 8, cv2.Sobel(grey, -1, 0, 1) / 8
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)

    def blurred(image: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(image * inner, (0, 0), _TEXTURE_SIGMA), np.float32)

    weight = np.maximum(cv2.GaussianBlur(inner, (0, 0), _TEXTURE_SIGMA), np.float32(1e-3))
    energy = blurred(across**2 + down**2) / weight + np.float32(_LEAST_SLOPE**2)
    pair = blurred(across**2 - down**2) / weight / energy, 2 * blurred(across * down) / weight / energy
    return np.stack(pair, 2).astype(np.float32)
