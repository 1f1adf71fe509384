"""flagd's definitions, read and written."""

from domain.flags.flagd_reading import read_flagd
from domain.flags.flagd_writing import write_flagd

__all__ = ["read_flagd", "write_flagd"]
