"""Everything that is wrong with an input, each fault with a JSON pointer (RFC 6901).

msgspec stops at the first fault. Here a decoded value is held against its type field by field, so
that a caller can mend a request in one go.
"""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from domain.rejections import Fault

_CODES = (
    ("Object missing required", "required"),
    ("Object contains unknown", "unknown"),
    ("Invalid enum value", "enum"),
    ("Invalid value", "enum"),
    ("Invalid", "format"),
    ("Number out of range", "range"),
    ("Integer value out of range", "range"),
)
_COMPARISONS = (" >= ", " <= ", " > ", " < ")


def find_faults(value: Any, type_: Any, pointer: str, *, strict: bool = True) -> Iterator[Fault]:
    """What is wrong with a decoded value of a type; `strict` False reads numbers from text."""
    whole = type_ if value is None else _given(type_)
    type_ = _bare(whole)
    if isinstance(value, dict) and _is_struct(struct := _struct_of(type_, value)):
        yield from _struct_faults(value, struct, pointer, strict=strict)
    elif isinstance(value, list) and get_origin(type_) in {list, tuple} and get_args(type_):
        found = False
        for index, each in enumerate(value):
            place = f"{pointer}/{index}"
            for fault in find_faults(each, get_args(type_)[0], place, strict=strict):
                found = True
                yield fault
        if not found:  # then it is the list as a whole, such as its length
            yield from _plain_faults(value, whole, pointer, strict=strict)
    else:
        yield from _plain_faults(value, type_, pointer, strict=strict)


def _struct_faults(
    value: dict[str, Any], struct: type[msgspec.Struct], pointer: str, *, strict: bool
) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    config = struct.__struct_config__
    if config.tag_field is not None and value.get(config.tag_field) != config.tag:
        yield _fault(f"{pointer}/{config.tag_field}", "enum", f"expected {config.tag!r}")
    for name, field in fields.items():
        place = f"{pointer}/{escaped(name)}"
        if name in value:
            yield from find_faults(value[name], field.type, place, strict=strict)
        elif field.required:
            yield _fault(place, "required", f"{name} is required")
    if config.forbid_unknown_fields:
        for name in value:
            if name not in fields and name != config.tag_field:
                known = ", ".join([*filter(None, [config.tag_field]), *fields])
                detail = f"{name[:60]} is not known here; known are {known}"
                yield _fault(f"{pointer}/{escaped(name)}", "unknown", detail)


def _plain_faults(value: Any, type_: Any, pointer: str, *, strict: bool) -> Iterator[Fault]:
    try:
        msgspec.convert(value, type_, strict=strict)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        code = _code(message)
        if code == "enum" and (choices := ", ".join(_choices(type_))):
            message = f"{message}; known are {choices}"
        yield _fault(pointer + _pointer(path.rstrip("`")), code, message)


def _choices(type_: Any) -> Iterator[str]:
    """The words that a type takes: its literals, and the tags of its structs."""
    if get_origin(type_) is Literal:
        yield from map(str, get_args(type_))
    elif get_origin(type_) in {Annotated, Union, UnionType}:
        for each in get_args(type_):
            yield from _choices(each)
    elif _is_struct(type_) and type_.__struct_config__.tag is not None:
        yield str(type_.__struct_config__.tag)


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)


def _code(message: str) -> str:
    for start, code in _CODES:
        if message.startswith(start):
            return code
    if " of length " in message:
        return "length"
    if " matching regex " in message:
        return "pattern"
    return "range" if any(sign in message for sign in _COMPARISONS) else "type"


def _pointer(path: str) -> str:
    return path.replace("[...]", "").replace("[", "/").replace("]", "").replace(".", "/")


def escaped(name: str) -> str:
    """A member's name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _given(type_: Any) -> Any:
    """The type of a value that is not null: what else it may be, where that is one thing."""
    if get_origin(type_) in {Union, UnionType}:
        others = [each for each in get_args(type_) if each is not type(None)]
        return others[0] if len(others) == 1 else type_
    return type_


def _bare(type_: Any) -> Any:
    """The type without constraints, which only matter where a struct field carries them."""
    inner = get_args(type_)[0] if get_origin(type_) is Annotated else type_
    return inner if _is_struct(inner) or get_origin(inner) in {list, tuple} else type_


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _struct_of(type_: Any, value: dict[str, Any]) -> Any:
    """The struct that an object should be: of a tagged union the member that the tag names."""
    if get_origin(type_) not in {Union, UnionType}:
        return type_
    structs = [each for each in get_args(type_) if _is_struct(each)]
    for each in structs:
        config = each.__struct_config__
        if config.tag_field is not None and value.get(config.tag_field) == config.tag:
            return each
    return structs[0] if len(structs) == 1 else None
