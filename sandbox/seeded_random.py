"""Numbers that look random and follow from a seed alone."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


def mix(seed: int, number: int) -> int:
    """64 bits that depend on every bit of both arguments; the same ones each time."""
    bits = (seed + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def salt(seed: int, name: str) -> int:
    """A seed of its own for what is called `name`."""
    bits = seed & _MASK
    for byte in name.encode():
        bits = mix(bits, byte)
    return bits


def pick(options: Sequence[T], bits: int) -> T:
    """One of `options`, chosen by `bits`."""
    return options[bits % len(options)]


def uuid(bits: int) -> str:
    """A token in the form of a version 4 UUID."""
    low = mix(bits, 1)
    head, tail = f"{bits:016x}", f"{low:016x}"
    return f"{head[:8]}-{head[8:12]}-4{head[13:]}-a{tail[1:4]}-{tail[4:]}"
