"""The passwords that most people choose: some 18,000 of 8 and more characters.

The list is bundled (see `common_passwords.LICENSE`), case-folded and in the form NFKC. It came
from leaked passwords, so it is also the least check against breached ones.
"""

import gzip
from functools import cache
from importlib.resources import files


@cache
def common_passwords() -> frozenset[str]:
    """The list; read once per process."""
    packed = files(__package__).joinpath("common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode("utf-8").split("\n")) - {""}
