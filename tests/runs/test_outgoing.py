"""Messages that leave this machine: tried again where that helps, never to somebody else."""

from collections.abc import Iterator

import pytest
from listener import Listener, listening

from cliniko_warehouse.outgoing.webhook import Undelivered, post, problem


@pytest.fixture
def chat() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def test_a_message_arrives_as_json(chat: Listener) -> None:
    post(f"{chat.url}/hook", {"text": "good morning"})

    assert (chat.paths, chat.texts) == (["/hook"], ["good morning"])


def test_a_failure_in_passing_is_tried_again_with_longer_waits(chat: Listener) -> None:
    chat.answers = [503, 429]
    naps: list[float] = []

    post(chat.url, {"text": "late"}, sleep=naps.append)

    assert len(chat.paths) == 3
    assert len(naps) == 2
    assert naps[1] > naps[0]


def test_a_refusal_is_final(chat: Listener) -> None:
    chat.answers = [404]

    with pytest.raises(Undelivered, match="404"):
        post(chat.url, {"text": "nobody"})

    assert len(chat.paths) == 1


def test_three_tries_are_all(chat: Listener) -> None:
    chat.answers = [500] * 9

    with pytest.raises(Undelivered, match="500"):
        post(chat.url, {"text": "nobody"}, sleep=lambda seconds: None)

    assert len(chat.paths) == 3


def test_a_redirect_is_not_followed(chat: Listener) -> None:
    chat.answers = [307]

    with pytest.raises(Undelivered, match="307"):
        post(f"{chat.url}/hook", {"text": "for this chat alone"})

    assert chat.paths == ["/hook"]


def test_a_receiver_that_is_not_there_is_said_without_its_address() -> None:
    with listening() as gone:
        url = f"{gone.url}/T0/secret"

    with pytest.raises(Undelivered) as refused:
        post(url, {"text": "hello?"}, sleep=lambda seconds: None)

    assert "not reached" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com",
        "hooks.example.com",
        "https://",
        "\x00",
    ],
)
def test_an_address_that_would_show_the_message_is_refused(url: str) -> None:
    assert problem(url)
    with pytest.raises(Undelivered):
        post(url, {"text": "secret"})


@pytest.mark.parametrize("url", ["https://hooks.example.com/T/1?a=b", "http://127.0.0.1:1/x"])
def test_an_address_of_use_has_no_problem(url: str) -> None:
    assert problem(url) == ""
