"""How well the surroundings of a hole repeat at every offset: which offsets are likely to continue them into it.

Natural pictures repeat at few offsets (He & Sun 2012): along a floor, a facade, a horizon. Here the whole surroundings are
compared with themselves at all offsets at once, by Fourier transform, instead of counting patches' best offsets.
"""

from __future__ import annotations

import numpy as np

from propainter.classical.harmonic import Field, Mask

_LEAST_OVERLAP = 0.3
"""Share of the surroundings that must have a counterpart at an offset before it tells anything."""


def repetition_of(picture: Field, near: Mask, usable: Mask) -> Field:
    """Mean squared difference (2 h, 2 w) of what is near the hole and what lies an offset away; [h + down, w + right].

    picture: (h, w, c). near: known pixels around the hole. usable: what may be copied. Offsets that tell nothing have the
    median.
    """
    height, width = near.shape
    size = (2 * height, 2 * width)
    here, there = near.astype(np.float64), usable.astype(np.float64)
    centred = picture.astype(np.float64) - picture[usable].mean(0)
    square = (centred**2).sum(2)

    def transformed(image: np.ndarray) -> np.ndarray:
        return np.fft.rfft2(image, size, axes=(0, 1))

    first, second = transformed(here), transformed(there)
    both = np.conj(transformed(here * square)) * second + np.conj(first) * transformed(there * square)
    for channel in range(picture.shape[2]):
        both -= 2 * np.conj(transformed(here * centred[..., channel])) * transformed(there * centred[..., channel])
    total, count = np.fft.irfft2(both, size), np.fft.irfft2(np.conj(first) * second, size)
    told = count >= max(_LEAST_OVERLAP * here.sum(), 1.0)
    mean = np.where(told, np.maximum(total, 0) / np.maximum(count, 1), 0)
    mean[~told] = np.median(mean[told]) if told.any() else 0
    return np.roll(mean, (height, width), (0, 1)).astype(np.float32)
