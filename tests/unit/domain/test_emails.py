"""Which addresses are the same one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.emails import canonical_email, mailable_email


@pytest.mark.parametrize(
    "spelling",
    [
        "ada@example.org",
        " ADA@Example.ORG ",
        "\uff21da@example\u3002org",  # full width, and an ideographic full stop
        "ada\uff20example.org",
    ],
)
def test_case_and_unicode_form_make_no_difference(spelling: str) -> None:
    assert canonical_email(spelling) == "ada@example.org"


@pytest.mark.parametrize(
    "spelling",
    [
        "jo\u00e3o@m\u00fcnchen.de",
        "joa\u0303o@mu\u0308nchen.de",
        "JO\u00c3O@M\u00dcNCHEN.DE",
        "jo\u00e3o@xn--mnchen-3ya.de",
        "jo\u00e3o@XN--MNCHEN-3YA.de",
    ],
)
def test_a_domain_in_punycode_is_the_one_in_unicode(spelling: str) -> None:
    assert canonical_email(spelling) == "jo\u00e3o@xn--mnchen-3ya.de"


@pytest.mark.parametrize(
    ("spelling", "written"),
    [
        (" Ada@Example.ORG ", "Ada@example.org"),
        ("\uff36ictim\uff20example\u3002org", "Victim@example.org"),
        ("Stra\u00dfe@M\u00dcNCHEN.de", "Stra\u00dfe@xn--mnchen-3ya.de"),
        ("ada", None),
        ("a" * 60 + "@" + ".".join(["\u00fc" * 42] * 4), None),  # too long in punycode alone
    ],
)
def test_an_address_is_written_to_as_it_is_compared_but_for_case(
    spelling: str, written: str | None
) -> None:
    assert mailable_email(spelling) == written


def test_domains_that_are_two_stay_two() -> None:
    assert canonical_email("a@stra\u00dfe.de") != canonical_email("a@strasse.de")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example..org",
        "ada@.org",
        "ada@example.org.",
        "ada@-example.org",
        "ada@xn--a.org",
        "ada@xn--\u00e9.org",
        "ada@[127.0.0.1]",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada\r\n@example.org",
        "ada lovelace@example.org",
        "ada,eve@example.org",
        '"ada"@example.org',
        "<ada@example.org>",
        "ada\u200b@example.org",
        "ada\u202e@example.org",
        "ada\ud800@example.org",
        "ada@example.org@",
        "eve@evil.org@example.org",
        "a" * 65 + "@example.org",
        "ada@" + "a" * 64 + ".org",
        "ada@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_address_has_no_form(text: str) -> None:
    assert canonical_email(text) is None


@given(st.text(max_size=80))
def test_the_form_of_a_form_is_itself(text: str) -> None:
    form = canonical_email(f"{text}@example.org")
    assert form is None or canonical_email(form) == form


@given(st.text(max_size=40))
def test_any_domain_has_an_answer(domain: str) -> None:
    form = canonical_email(f"ada@{domain}")
    assert form is None or canonical_email(form) == form
    assert form is None or form.isascii()


@given(st.emails())
def test_ordinary_addresses_have_a_form_that_case_does_not_change(email: str) -> None:
    form = canonical_email(email)
    if form is not None:
        assert canonical_email(email.upper()) == form
