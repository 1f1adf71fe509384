"""While people go on, a restore is killed in the middle, with whoever works on it.

To the end of the live log nothing may be lost: every run that was accepted, before the switch or
after it, is carried out and says so, and no other.
"""

import time
from typing import Any

import psutil

from features.driver import Annals
from tests.support.crowd import Crowd
from tests.support.platform import Platform
from tests.support.target import Target

BEFORE = 30
_PATIENCE = 90.0


def insist(annals: Annals, method: str, path: str, body: Any = None) -> Any:
    """Ask until somebody answers: the platform is being killed."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        answer = annals.request(method, path, token=annals.owner, body=body)
        if answer.status_code < 500:
            return answer.json()
        time.sleep(0.05)
    raise AssertionError(f"{method} {path}: {answer.text}")


def state_of(annals: Annals, kind: str, id_: str) -> str:
    return str(insist(annals, "GET", f"/v1/{kind}/{id_}")["state"])


def wait_for(annals: Annals, kind: str, id_: str, wanted: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while (state := state_of(annals, kind, id_)) != wanted:
        assert state == "running", f"{kind} {id_} is {state}"
        assert time.monotonic() < deadline, f"{kind} {id_} never came to {wanted}"
        time.sleep(0.05)


def test_every_process_killed_amid_a_restore(
    platform: Platform, crowd: Crowd, target: Target
) -> None:
    annals = crowd.annals
    crowd.start(people=2)  # whatever waits when the log is whole again is carried out in the end
    target.wait_for(crowd.path, BEFORE)
    version = insist(annals, "POST", "/v1/backups", {"label": ""})["version"]
    wait_for(annals, "backups", version, "completed")
    path = f"/v1/backups/{version}/restore"
    plan = insist(annals, "POST", path, {"position": "end"})
    body = {"position": "end", "confirm": plan["confirm"]}
    before = annals.events_page(after="0", limit="1")["items"][0]["token"]
    asked = insist(annals, "POST", path, body)
    for name in ("scheduler", "projector", "worker"):
        kill(platform, name)
    wait_for(annals, "restores", asked["id"], "completed")
    assert (
        annals.request("GET", f"/v1/events?after={before}", token=annals.owner).status_code == 410
    )
    crowd.wait_accepted(BEFORE)
    nothing_is_lost(crowd, target)
    completed = annals.events(type="restore.completed")[-1]
    assert completed["data"]["position"] == completed["data"]["replaced_position"]


def nothing_is_lost(crowd: Crowd, target: Target) -> None:
    crowd.leave()
    crowd.all_delivered()
    assert set(target.keys(crowd.path)) == set(crowd.jobs)


def kill(platform: Platform, name: str) -> None:
    for process in platform.children(name):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
