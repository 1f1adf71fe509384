"""Experiments in a process: where what runs is read, and what is kept of subjects."""

import base64
import hmac
from dataclasses import dataclass

from adapters.crypto.master import MasterKey
from application.experiments.running import RunningRows
from projections.experiments import PROJECTION, load_running
from projections.reading import ReadModels

_BYTES = 16
"""Of a subject's hash: two of a billion subjects share theirs with a probability of 1e-21."""


@dataclass(frozen=True)
class ReadExperiments:
    """Implements `application.experiments.running.KnownExperiments`."""

    read_models: ReadModels

    async def running(self, tenant: str) -> RunningRows:
        """See `KnownExperiments`."""
        async with self.read_models.rows(PROJECTION, tenant) as rows:
            return await load_running(rows)


class SubjectHashes:
    """Implements `application.experiments.telling.SubjectHash`, under a key of its own."""

    def __init__(self, master: MasterKey) -> None:
        """Derive the key."""
        self._key = master.derive("experiment subjects")

    def __call__(self, tenant: str, experiment: str, subject: str) -> str:
        """22 characters; neither tenant nor experiment has the character between them."""
        named = f"{tenant}\0{experiment}\0{subject}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, named, "sha256")[:_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
