"""Standard Webhooks: our signatures against the published example."""

from datetime import UTC, datetime

import pytest

from adapters.crypto.standard_webhooks import key_of, new_secret, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_published_example() -> None:
    assert sign([key_of(SECRET)], MESSAGE, AT, BODY) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_keys_sign_beside_each_other() -> None:
    both = sign([key_of(SECRET), key_of(new_secret())], MESSAGE, AT, BODY)["webhook-signature"]
    first, second = both.split(" ")
    assert first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert second.startswith("v1,")
    assert second != first


def test_a_new_secret_is_as_long_as_the_hash_and_not_the_last_one() -> None:
    assert len(key_of(new_secret())) == 32
    assert new_secret() != new_secret()


def test_what_is_not_base64_is_no_secret() -> None:
    with pytest.raises(ValueError, match="base64"):
        key_of("whsec_!!!")
