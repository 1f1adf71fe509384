"""Which addresses are the same one."""

import sys
import unicodedata
from random import Random

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


@pytest.mark.parametrize(
    "spellings",
    [
        ("je\u00dfica", "JE\u1e9eICA"),
        ("\u03bd\u03b9\u03ba\u03bf\u03c2", "\u039d\u0399\u039a\u039f\u03a3"),  # with a final sigma
        ("jes\u017fica", "JESSICA"),  # a long s
        ("kelvin", "\u212aELVIN"),
        ("\u1fb3", "\u1fbc", "\u03b1\u0345"),  # an iota below
        ("\uab70", "\u13a0"),  # Cherokee
        ("\u01f0", "J\u030c"),  # a letter whose capital is no character of its own
        ("\u0130", "I\u0307"),
    ],
)
def test_a_letter_is_the_same_in_either_case(spellings: tuple[str, ...]) -> None:
    assert len({canonical_email(f"{each}@example.org") for each in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("je\u00dfica", "jessica"),
        ("je\u1e9eica", "jessica"),
        ("d\u0131lek", "dilek"),  # without its dot
        ("\u0130brahim", "ibrahim"),  # with one as a capital
        ("\u1fb3", "\u03b1\u03b9"),
        ("\u03bf\u0345", "\u03bf\u03b9"),
    ],
)
def test_mailboxes_that_are_two_stay_two(one: str, other: str) -> None:
    assert canonical_email(f"{one}@example.org") != canonical_email(f"{other}@example.org")


def simply(mapped: str, character: str) -> str:
    """A character's simple mapping: what its full mapping is where that is one character."""
    return mapped if len(mapped) == 1 else character


def lower(character: str) -> str:
    """The small form of a character."""
    return simply(character.lower(), character)


def upper(character: str) -> str:
    """The capital form of a character."""
    return simply(character.upper(), character)


def same_but_for_case(one: str, other: str) -> bool:
    """Whether two texts differ in nothing but the simple case of their letters."""
    letters, others = (unicodedata.normalize("NFD", each) for each in (one, other))
    return len(letters) == len(others) and all(
        lower(a) == lower(b) or upper(a) == upper(b) for a, b in zip(letters, others, strict=True)
    )


CASED = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if len({character, character.lower(), character.upper(), character.casefold()}) > 1
]
MARKS = ["\u0307", "\u030c", "\u0308", "\u0323", "\u0345"]
LETTERS = st.one_of(st.sampled_from(CASED), st.sampled_from(MARKS), st.characters(codec="utf-8"))
"""Any characters, those that have a case and marks above all."""


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A mailbox, and the same with some letters changed for what any mapping makes of them."""
    one = draw(st.lists(LETTERS, min_size=1, max_size=8))
    mappings = st.sampled_from([str, str.lower, str.upper, str.title, str.casefold])
    return "".join(one), "".join(draw(mappings)(each) for each in one)


@given(spellings())
def test_addresses_that_are_one_are_written_to_alike_but_for_case(pair: tuple[str, str]) -> None:
    one, other = (f"{each}@example.org" for each in pair)
    form = canonical_email(one)
    if form is not None and form == canonical_email(other):
        assert same_but_for_case(mailable_email(one) or "", mailable_email(other) or "")


def other_cases(character: str) -> set[str]:
    """A letter's other case, where it leads back to the letter: a dotless i is no small I."""
    cases = {lower(character), upper(character)} - {character}
    return {each for each in cases if character in (lower(each), upper(each))}


@given(st.lists(LETTERS, min_size=1, max_size=20), st.randoms())
def test_the_case_of_letters_makes_no_difference(letters: list[str], random: Random) -> None:
    written = mailable_email(f"{''.join(letters)}@example.org")
    if written is None:
        return
    mailbox = written.removesuffix("@example.org")
    varied = "".join(random.choice([each, *sorted(other_cases(each))]) for each in mailbox)
    assert canonical_email(f"{varied}@example.org") == canonical_email(written)


@given(st.lists(LETTERS, max_size=64))
def test_the_form_of_a_cased_form_is_itself(letters: list[str]) -> None:
    form = canonical_email(f"{''.join(letters)}@example.org")
    assert form is None or canonical_email(form) == form


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
