"""Unleash's documents, read and written."""

from domain.flags.unleash_reading import read_unleash
from domain.flags.unleash_segments import NumberedSegments, number_segments
from domain.flags.unleash_writing import EXPORT, SERVED, STATE, unleash_feature, write_unleash

__all__ = [
    "EXPORT",
    "SERVED",
    "STATE",
    "NumberedSegments",
    "number_segments",
    "read_unleash",
    "unleash_feature",
    "write_unleash",
]
