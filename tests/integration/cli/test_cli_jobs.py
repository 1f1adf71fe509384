"""`annals jobs` on a real log and its read model."""

from tests.support.commands import Installation

NOBODY = "01a1fd6e-224c-7ddc-8c98-45d45ea16ede"
TYPED = "Grace Hopper"


def test_jobs_are_listed_newest_first_by_state_and_action(installation: Installation) -> None:
    done = installation.succeed()
    dead = installation.die("fail")
    installation.caught_up()
    listed = installation.json("jobs", "list")
    assert [each["id"] for each in listed["items"]][:2] == [dead, done]
    assert [each["state"] for each in listed["items"]][:2] == ["dead", "succeeded"]
    one = installation.json("jobs", "list", "--state", "dead", "--action", "fail", "--limit", "1")
    assert [each["id"] for each in one["items"]] == [dead]
    assert installation.json("jobs", "list", "--tenant", "nobody") == {"items": [], "more": False}
    table = installation.call("jobs", "list", "--state", "dead").stdout
    assert dead in table
    assert "no answer" in table


def test_a_list_that_goes_on_says_so(installation: Installation) -> None:
    installation.queue()
    installation.queue()
    installation.caught_up()
    result = installation.call("jobs", "list", "--limit", "1")
    assert "There are older ones" in result.stderr
    assert installation.json("jobs", "list", "--limit", "1")["more"]


def test_a_job_is_shown_with_what_happened_to_it(installation: Installation) -> None:
    dead = installation.die()
    shown = installation.json("jobs", "show", dead)
    assert (shown["state"], shown["attempts"]) == ("dead", 1)
    assert [each["type"] for each in shown["log"]] == [
        "job.queued",
        "job.started",
        "job.attempt_failed",
        "job.died",
    ]
    said = installation.call("jobs", "show", dead).stdout
    assert "job.attempt_failed" in said
    assert '"error":"no answer"' in said


def test_a_jobs_input_is_shown_only_when_asked_for(installation: Installation) -> None:
    job = installation.queue("say", {"to": TYPED})
    for options in ((), ("--json",)):
        assert TYPED not in installation.call("jobs", "show", job, *options).output
        assert TYPED in installation.call("jobs", "show", job, "--personal", *options).output


def test_a_job_that_is_not_there_is_told(installation: Installation) -> None:
    result = installation.call("jobs", "show", NOBODY)
    assert result.exit_code == 1
    assert result.stderr == f"annals: there is no job {NOBODY} in the tenant default\n"


def test_dead_jobs_are_requeued_by_name(installation: Installation) -> None:
    dead = installation.die()
    assert installation.json("jobs", "requeue", dead) == [
        {"id": dead, "state": "queued", "refused": None}
    ]
    *_, last = installation.lines("events", "tail", "--stream", f"job/{dead}")
    assert (last["type"], last["data"], last["meta"]["actor"][:4]) == (
        "job.requeued",
        {"round": 2},
        "cli/",
    )


def test_a_refusal_stops_no_other_job_and_is_told(installation: Installation) -> None:
    dead, done = installation.die(), installation.succeed()
    result = installation.call("jobs", "requeue", done, NOBODY, dead)
    assert result.exit_code == 1
    assert result.stderr == "annals: 2 of 3 refused\n"
    assert "There is no such job" in result.stdout
    assert installation.json("jobs", "show", dead)["state"] == "queued"


def test_all_dead_letters_of_an_action_are_requeued(installation: Installation) -> None:
    mine = {installation.die("mine") for _ in range(3)}
    other = installation.die("other")
    installation.caught_up()
    results = installation.json("jobs", "requeue", "--all-dead", "--action", "mine")
    assert {each["id"] for each in results} == mine
    assert installation.json("jobs", "show", other)["state"] == "dead"
    installation.caught_up()
    again = installation.call("jobs", "requeue", "--all-dead", "--action", "mine")
    assert (again.exit_code, again.stderr) == (0, "There are no dead letters.\n")


def test_requeue_wants_jobs_or_all_dead_ones_and_not_both(installation: Installation) -> None:
    for arguments in ((), (NOBODY, "--all-dead"), (NOBODY, "--action", "mine")):
        result = installation.call("jobs", "requeue", *arguments)
        assert result.exit_code == 2
        assert "Name jobs, or --all-dead" in result.stderr


def test_a_job_is_cancelled_once(installation: Installation) -> None:
    job = installation.queue()
    [cancelled] = installation.json("jobs", "cancel", job)
    assert cancelled["state"] == "cancelled"
    dead = installation.die()
    refused = installation.call("jobs", "cancel", dead)
    assert refused.exit_code == 1
    assert "The job is dead." in refused.stdout
