"""What a person is told of by mail who has second factors."""

from application.mail import Letters
from application.unit import Unit
from domain.accounts import Account


def tell(letters: Letters, unit: Unit, id_: str, account: Account, change: str) -> None:
    """Post a letter to an account's owner that says what has happened to their factors."""
    letters.post(unit, kind="second-factor-changed", person=id_, to=account.email, change=change)
