"""OpenFX's long names and the host's short ones."""

from __future__ import annotations

DEPTH, COMPONENT, CONTEXT = "OfxBitDepth", "OfxImageComponent", "OfxImageEffectContext"
OUTPUT = "Output"


def short_depth(name: str) -> str:
    """ "OfxBitDepthFloat" to "Float"."""
    return name.removeprefix(DEPTH)


def short_components(name: str) -> str:
    """ "OfxImageComponentRGBA" to "RGBA"."""
    return name.removeprefix(COMPONENT)


def long_depth(name: str) -> str:
    """ "Float" to "OfxBitDepthFloat"."""
    return DEPTH + name


def long_components(name: str) -> str:
    """ "RGBA" to "OfxImageComponentRGBA"."""
    return COMPONENT + name


def long_context(name: str) -> str:
    """ "Filter" to "OfxImageEffectContextFilter"."""
    return CONTEXT + name
