"""Whole flag sets in the forms of other systems, with what these forms do not keep."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from domain.flags.documents import FlagSet, LeftOut
from domain.flags.flagd_reading import read_flagd
from domain.flags.flagd_writing import written_flagd
from domain.flags.shapes import MEMBER, in_shape, with_shapes
from domain.flags.state import Flag, Segment
from domain.flags.unleash_reading import read_unleash
from domain.flags.unleash_writing import SERVED, written_unleash

Form = Literal["unleash", "flagd"]


def read_document(form: Form, document: dict[str, Any], environment: str) -> FlagSet:
    """What a document holds for one environment.

    Raises:
        Invalid: with everything that is wrong, and pointers into the document.
    """

    def read(document: dict[str, Any]) -> FlagSet:
        return _read(form, document, environment)

    found = read(document)

    def write(flags: Mapping[str, Flag]) -> dict[str, Any]:
        return _written(form, flags, found.segments, environment, SERVED)[0]

    return in_shape(document, found, environment, write, read)


def write_document(
    form: Form,
    flags: Mapping[str, Flag],
    segments: Mapping[str, Segment],
    environment: str,
    *,
    version: int = SERVED,
) -> tuple[dict[str, Any], list[LeftOut]]:
    """The flags that the form has words for, as they are in one environment, and the others.

    What is left out is also named in the document.
    """
    document, left_out = _written(form, flags, segments, environment, version)
    if left_out:
        document[MEMBER] = {"skipped": msgspec.to_builtins(left_out)}

    def read(document: dict[str, Any]) -> FlagSet:
        return _read(form, document, environment)

    return with_shapes(document, flags, environment, read), left_out


def _read(form: Form, document: dict[str, Any], environment: str) -> FlagSet:
    return read_flagd(document) if form == "flagd" else read_unleash(document, environment)


def _written(
    form: Form,
    flags: Mapping[str, Flag],
    segments: Mapping[str, Segment],
    environment: str,
    version: int,
) -> tuple[dict[str, Any], list[LeftOut]]:
    if form == "flagd":
        return written_flagd(flags, segments, environment)
    return written_unleash(flags, segments, environment, version=version)
