"""Query parameters as a struct: texts in, values out, and every fault at once."""

from typing import Any, Generic, TypeVar

import msgspec
import msgspec.inspect

from adapters.http.faults import find_faults
from application.boundary import check_text
from domain.rejections import Fault, Invalid

T = TypeVar("T")


class Query(Generic[T]):
    """Reads parameters into one struct type, whose fields are texts, numbers, times or ids."""

    def __init__(self, type_: type[T]) -> None:
        """Prepare once, at start."""
        self.type = type_
        msgspec.inspect.type_info(type_)  # a type that cannot be read fails here, at start

    def decode(self, given: dict[str, str]) -> T:
        """The value.

        Raises:
            Invalid: with all that is wrong, unknown parameters among it.
        """
        for name, text in given.items():
            check_text(text, pointer=f"/{name[:60]}")
        try:
            return msgspec.convert(given, self.type, strict=False)
        except msgspec.ValidationError:
            faults = tuple(find_faults(given, self.type, "", strict=False))
            raise Invalid(*faults, detail="The query is not valid.") from None

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
