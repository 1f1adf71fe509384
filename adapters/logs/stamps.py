"""Time stamps as programs write them, into microseconds since the epoch.

Whole numbers, because bisection compares millions of them and floats would round. A stamp without
a zone is in the source's; one without a year (RFC 3164) is the last such moment that is not after
the file's modification by more than a day, as a clock may be ahead.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = 1_000_000
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_LONGEST_MEMORY: Final = 50_000  # minutes kept per reader

_NAMES: Final = b"jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, 1)}
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
ISO: Final = (
    rb"\d{4}(?P<dash>[-/])\d\d(?P=dash)\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    rb"(?:\s?(?:Z|UTC|[+-]\d{4})|[+-]\d\d(?::\d\d)?)?(?![\w:])"
)
BSD: Final = _MONTH + rb" [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
_ISO = re.compile(
    rb"(\d{4})[-/](\d\d)[-/](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    rb"\s?(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?"
)
_BSD = re.compile(rb"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_CTIME = re.compile(
    rb"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? (\d{4})"
)
_CLF = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})")
_LEADING = re.compile(
    rb"[\[(]?(?:(?P<iso>" + ISO + rb")|(?P<ctime>(?:[A-Z][a-z]{2} )?" + BSD + rb" \d{4})"
    rb"|(?P<bsd>" + BSD + rb")|(?P<clf>\d\d/" + _MONTH + rb"/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}))"
    rb"[\])]?:?[ \t]*"
)


_YEARS: Final = range(2, 9998)
"""Of stamps: years that no zone, leap second or step of a histogram leads out of the calendar."""


def micros(moment: datetime) -> int:
    """An aware moment as microseconds since the epoch."""
    return (moment - _EPOCH) // _MICRO


def moment(value: int) -> datetime:
    """Microseconds since the epoch as a moment in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def number(value: float) -> int | None:
    """An epoch number; its size tells seconds, milli-, micro- and nanoseconds apart.

    In seconds it is a time of 1973 to 5138, which is a time of 1973 in milliseconds. Other numbers
    are no time.
    """
    size = abs(value)
    if not 1e8 <= size < 1e20:  # noqa: PLR2004 - also refuses what is no number
        return None
    if size < 1e11:  # noqa: PLR2004
        return round(value * SECOND)
    if size < 1e14:  # noqa: PLR2004
        return round(value * 1000)
    return round(value) if size < 1e17 else int(value) // 1000  # noqa: PLR2004


class Stamps:
    """Reads stamps for files whose zone-less times are in `zone`.

    What turns a minute into microseconds (zones, leap years) is kept per minute, because
    neighbouring lines share theirs.
    """

    def __init__(self, zone: str = "UTC", *, modified: datetime | None = None) -> None:
        """`modified` is when the file was last written; it tells the year of RFC 3164's stamps."""
        self._zone = ZoneInfo(zone)
        self._modified = modified or datetime.now(UTC)
        self._minutes: dict[tuple[bytes, ...], int | None] = {}

    def iso(self, text: bytes) -> int | None:
        """RFC 3339 and its relatives: a blank for the T, a comma, slashes, no zone."""
        found = _ISO.match(text)
        if found is None:
            return None
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        base = self._minute(year, month, day, hour, minute, zone or b"")
        return None if base is None else base + int(second) * SECOND + _fraction(fraction)

    def clf(self, text: bytes) -> int | None:
        """The common log format's, without its brackets."""
        found = _CLF.match(text)
        if found is None:
            return None
        day, month, year, hour, minute, second, zone = found.groups()
        base = self._minute(year, _month(month), day, hour, minute, zone)
        return None if base is None else base + int(second) * SECOND

    def ctime(self, text: bytes) -> int | None:
        """As Apache's error log writes them, with the year last."""
        found = _CTIME.match(text)
        if found is None:
            return None
        month, day, hour, minute, second, fraction, year = found.groups()
        base = self._minute(year, _month(month), day.strip(), hour, minute, b"")
        return None if base is None else base + int(second) * SECOND + _fraction(fraction)

    def bsd(self, text: bytes) -> int | None:
        """RFC 3164's, without a year."""
        found = _BSD.match(text)
        if found is None:
            return None
        month, day, hour, minute, second, fraction = found.groups()
        base = self._latest_minute(_month(month), day.strip(), hour, minute)
        return None if base is None else base + int(second) * SECOND + _fraction(fraction)

    def leading(self, line: bytes, start: int = 0) -> tuple[int, int] | None:
        """The stamp that a line of text begins with, and where what follows it begins."""
        found = _LEADING.match(line, start)
        if found is None:
            return None
        kind = "iso" if found["iso"] else "ctime" if found["ctime"] else "clf"
        kind = "bsd" if found["bsd"] else kind
        value: int | None = getattr(self, kind)(found[kind])
        return None if value is None else (value, found.end())

    def any(self, value: object) -> int | None:
        """What a structured line's time field holds: a text or an epoch number."""
        if isinstance(value, bool):
            return None
        if isinstance(value, (int, float)):
            return number(value)
        if not isinstance(value, str):
            return None
        try:  # four times as fast as the expression below, and most stamps are so
            moment_ = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if moment_.tzinfo is not None and moment_.year in _YEARS:
                return round(moment_.timestamp() * SECOND)
        text = value.encode()
        found = self.iso(text)
        if found is None:
            found = self.clf(text) or self.ctime(text) or self.bsd(text)
        return _epoch_text(value) if found is None else found

    def _minute(self, *parts: bytes) -> int | None:
        """A minute's beginning; parts are year, month, day, hour, minute, zone."""
        if parts not in self._minutes:
            if len(self._minutes) > _LONGEST_MEMORY:
                self._minutes.clear()
            self._minutes[parts] = self._reckoned(*parts)
        return self._minutes[parts]

    def _reckoned(
        self, year: bytes, month: bytes, day: bytes, hour: bytes, minute: bytes, zone: bytes
    ) -> int | None:
        if int(year) not in _YEARS:
            return None
        try:
            wall = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC)
            if not zone:
                return micros(wall.replace(tzinfo=self._zone).astimezone(UTC))
            return micros(wall) - _offset(zone) * SECOND
        except (ValueError, OverflowError):
            return None

    def _latest_minute(self, *parts: bytes) -> int | None:
        """The last such minute up to a day after the file was written."""
        if (b"", *parts) not in self._minutes:
            latest = micros(self._modified + _DAY)
            years = (str(self._modified.year + back).encode() for back in (1, 0, -1, -2, -3, -4))
            minutes = (self._minute(year, *parts, b"") for year in years)
            past = (each for each in minutes if each is not None and each <= latest)
            self._minutes[b"", *parts] = next(past, None)
        return self._minutes[b"", *parts]


def _offset(zone: bytes) -> int:
    """A zone's distance from UTC in seconds."""
    if zone in (b"Z", b"z", b"UTC"):
        return 0
    digits = zone[1:].replace(b":", b"").ljust(4, b"0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone.startswith(b"-") else seconds


def _fraction(digits: bytes | None) -> int:
    return int(digits[:6].ljust(6, b"0")) if digits else 0


def _month(name: bytes) -> bytes:
    return str(_MONTHS.get(name.lower(), 0)).encode()


def _epoch_text(value: str) -> int | None:
    try:
        return number(float(value)) if "." in value else number(int(value))
    except ValueError:
        return None
