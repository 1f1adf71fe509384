"""Query parameters as a struct: texts in, values out, and every fault at once.

A field marked with `beginning_with("field.")` is a mapping of all parameters whose names begin so,
`field.status=500` of `{"status": "500"}`: for names that only the caller knows.
"""

from typing import Any, Generic, TypeVar

import msgspec
import msgspec.inspect

from adapters.http.faults import find_faults
from application.boundary import check_text
from domain.rejections import Fault, Invalid

T = TypeVar("T")

_PREFIX = "prefix"


def beginning_with(prefix: str) -> msgspec.Meta:
    """Mark a field that gathers the parameters of this prefix."""
    return msgspec.Meta(extra={_PREFIX: prefix})


class Query(Generic[T]):
    """Reads parameters into one struct type, whose fields are texts, numbers, times or ids."""

    def __init__(self, type_: type[T]) -> None:
        """Prepare once, at start."""
        self.type = type_
        msgspec.inspect.type_info(type_)  # a type that cannot be read fails here, at start
        self.prefixes = _prefixes(type_)

    def decode(self, given: dict[str, str]) -> T:
        """The value.

        Raises:
            Invalid: with all that is wrong, unknown parameters among it.
        """
        for name, text in given.items():
            check_text(text, pointer=f"/{name[:60]}")
        sorted_out: dict[str, Any] = self._gathered(given) if self.prefixes else given
        try:
            return msgspec.convert(sorted_out, self.type, strict=False)
        except msgspec.ValidationError:
            faults = tuple(find_faults(sorted_out, self.type, "", strict=False))
            raise Invalid(*faults, detail="The query is not valid.") from None

    def _gathered(self, given: dict[str, str]) -> dict[str, Any]:
        """The parameters, those of a prefix as one mapping."""
        gathered: dict[str, Any] = {}
        for name, text in given.items():
            check_text(name, pointer="")
            for field, prefix in self.prefixes.items():
                if name == field:  # our word for them all, which is no parameter's name
                    self.refuse_all({name: text})
                if name.startswith(prefix) and name != prefix:
                    gathered.setdefault(field, {})[name.removeprefix(prefix)] = text
                    break
            else:
                gathered[name] = text
        return gathered

    @staticmethod
    def refuse_all(given: dict[str, Any]) -> None:
        """For operations without parameters.

        Raises:
            Invalid: naming what was given.
        """
        if given:
            raise Invalid(
                *(
                    Fault(pointer=f"/{name[:60]}", code="unknown", detail="is no parameter here")
                    for name in given
                )
            )


def _prefixes(type_: type[Any]) -> dict[str, str]:
    """Fields that gather parameters, with what these begin with."""
    return {
        field.encode_name: mark.extra[_PREFIX]
        for field in msgspec.structs.fields(type_)
        for mark in getattr(field.type, "__metadata__", ())
        if isinstance(mark, msgspec.Meta) and mark.extra and _PREFIX in mark.extra
    }
