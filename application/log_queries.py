"""What a query of log lines must be, before any reader is asked."""

from application.log_reader import LARGEST_PAGE, LONGEST_PATTERN, LogQuery
from domain.rejections import Fault, Invalid


def check_query(query: LogQuery) -> None:
    """Refuse what no reader could answer; whether a pattern compiles only the reader knows.

    Raises:
        Invalid: naming everything that is wrong; pointers are names of `LogQuery`.
    """
    faults = []
    if not 1 <= query.limit <= LARGEST_PAGE:
        faults.append(_fault("/limit", "out-of-range", f"limit is 1 to {LARGEST_PAGE}"))
    if query.since and query.until and query.since > query.until:
        faults.append(_fault("/until", "before-since", "until is earlier than since"))
    for name, text in (("q", query.q), ("regex", query.regex)):
        if text is None:
            continue
        if not text or len(text) > LONGEST_PATTERN:
            detail = f"{name} has 1 to {LONGEST_PATTERN} characters"
            faults.append(_fault(f"/{name}", "bad-length", detail))
        if not _is_text(text):
            faults.append(_fault(f"/{name}", "not-unicode", "it has half a surrogate pair"))
        if "\n" in text:
            faults.append(_fault(f"/{name}", "line-break", "it is looked for within one line"))
    faults += [
        _fault(f"/fields/{name}", "bad-length", "names and values have 1 to 1000 characters")
        for name, value in query.fields.items()
        if not name or max(len(name), len(value)) > LONGEST_PATTERN or not _is_text(name + value)
    ]
    if query.cursor is not None and not query.cursor.isascii():
        faults.append(_fault("/cursor", "bad-cursor", "this is no cursor of this list"))
    if faults:
        raise Invalid(*faults)


def _is_text(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)
