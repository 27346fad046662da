"""Asking a server, and doing many things at once, against a real server on loopback."""

import asyncio
import time
import tracemalloc

import pytest

from steerbench.errors import UserError
from steerbench.openai_client import client as client_module
from steerbench.openai_client.client import ChatClient, ExhaustedError, RefusedError
from steerbench.openai_client.completion import ChatReply
from steerbench.openai_client.transport import LONGEST
from tests.judges.faulty_server import COMPLETION_TOKENS, KEY, PROMPT_TOKENS, FaultyServer, meant
from tests.judges.hostile_answers import packed_blanks


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def client(server: FaultyServer | str, **settings: object) -> ChatClient:
    url = server if isinstance(server, str) else server.url
    return ChatClient("m", url, **{"backoff": 0.01, "attempts": 3, "timeout": 4.0} | settings)  # type: ignore[arg-type]


def ask(asked: ChatClient, case: int = 0, **wishes: object) -> ChatReply:
    async def once() -> ChatReply:
        async with asked:
            return await asked.ask([("user", f"case-{case}")], max_tokens=9, **wishes)  # type: ignore[arg-type]

    return asyncio.run(once())


def test_a_reply_holds_text_tokens_and_what_it_took() -> None:
    with FaultyServer({0: ("503", "ok")}) as server:
        reply = ask(client(server), logprobs=True, temperature=0.5)
    assert reply.text == f"It shows.\nRating: [[{meant(0)}]]"
    assert reply.top is not None
    assert "".join(token.text for token in reply.top) == reply.text
    assert sorted(reply.top[1].candidates) == ["1", "2", "the"]
    assert (reply.calls, reply.prompt_tokens, reply.completion_tokens) == (2, PROMPT_TOKENS, COMPLETION_TOKENS)
    assert (server.bodies[0]["temperature"], server.bodies[0]["max_tokens"]) == (0.5, 9)


@pytest.mark.parametrize(
    "step", ["408", "409", "429", "500", "502", "503", "529", "truncated", "cut off", "html", "close"]
)
def test_faults_that_may_pass_are_tried_again_and_then_given_up_with_the_reason(step: str) -> None:
    with FaultyServer({0: (step, step, "ok"), 1: (step,)}) as server:
        asked = client(server)
        assert ask(asked).calls == 3
        with pytest.raises(ExhaustedError, match="3 attempts failed, the last with: ") as given_up:
            ask(asked, 1)
    assert given_up.value.calls == len(server.calls[1]) == 3


@pytest.mark.parametrize("step", ["stall", "drip", "dripping headers"])
def test_an_attempt_ends_after_the_timeout_as_a_whole(step: str) -> None:
    with FaultyServer({0: (step, "ok")}) as server:
        start = time.monotonic()
        assert ask(client(server, timeout=0.8)).calls == 2
    assert time.monotonic() - start < 8


def test_a_server_that_answers_and_never_ends_is_not_told_to_be_missing() -> None:
    with FaultyServer({0: ("drip",)}) as server, pytest.raises(ExhaustedError, match=r"no answer within 2 s"):
        ask(client(server, timeout=2.0, attempts=1))


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
def test_neither_text_nor_key_goes_where_a_server_points(status: str) -> None:
    with FaultyServer() as elsewhere, FaultyServer({0: (f"redirect {status}",)}, elsewhere=elsewhere.url) as server:
        with pytest.raises(ExhaustedError, match=rf"status {status}, which points to '{elsewhere.url}") as told:
            ask(client(server))
        assert told.value.calls == len(server.calls[0]) == 3
    assert elsewhere.http.visitors == 0


@pytest.mark.parametrize(
    ("step", "most", "said"),
    [
        ("endless", 3 * LONGEST, f"more than {LONGEST} bytes"),
        ("bomb 300", 3 * LONGEST, f"more than {LONGEST} bytes"),
        ("endless error", LONGEST, "status 500: no no"),
        ("body flood", 40 * 10**6, "a body that is not a chat completion"),  # a million bytes, in objects of the fewest
    ],
)
def test_no_answer_takes_more_memory_than_the_longest_may(step: str, most: int, said: str) -> None:
    packed_blanks(300)
    with FaultyServer({0: ("ok", step)}) as server:
        asked = client(server, attempts=1, timeout=20.0)
        ask(asked)  # what is imported and made once does not count
        tracemalloc.start()
        with pytest.raises(ExhaustedError, match=said):
            ask(asked)
        _, held = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held < most


@pytest.mark.parametrize("status", ["400", "413", "422"])
def test_a_refused_request_is_not_tried_again(status: str) -> None:
    with (
        FaultyServer({0: (status,)}) as server,
        pytest.raises(RefusedError, match=rf"\({status}\): status {status}") as told,
    ):
        ask(client(server))
    assert told.value.calls == len(server.calls[0]) == 1


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("wrong key", r"refuses the key in OPENAI_API_KEY \(401"),
        ("403", r"refuses the key in OPENAI_API_KEY \(403"),
        ("404", r"no model 'm' at http://127\.0\.0\.1:\d+/v1 \(404"),
        ("402", r"no credit at .* \(402"),
        ("no credit", r"no credit at .* \(429: You exceeded"),
    ],
)
def test_what_no_request_can_overcome_is_the_users_to_mend_and_asked_once(step: str, said: str) -> None:
    with FaultyServer({0: (step,)}) as server, pytest.raises(UserError, match=said) as told:
        ask(client(server))
    assert len(server.calls[0]) == 1
    assert KEY not in str(told.value)


def test_a_server_that_is_not_there_is_told_from_one_that_went_away() -> None:
    with FaultyServer() as server:
        asked = client(server, attempts=2)
        ask(asked)
    with pytest.raises(ExhaustedError, match="broken connection"):
        ask(asked)
    with pytest.raises(UserError, match=r"No server answers at .*/v1"):
        ask(client(server, attempts=2))


def test_waits_double_up_to_the_longest_and_are_drawn_at_random_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[float] = []
    monkeypatch.setattr("random.uniform", lambda _, high: bounds.append(high) or 0.0)
    with FaultyServer({0: ("500",)}) as server, pytest.raises(ExhaustedError):
        ask(client(server, attempts=6, backoff=0.5, longest_backoff=3.0))
    assert bounds[:5] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert len(server.calls[0]) == 6


def test_a_server_cannot_ask_for_more_patience_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE", 0.4)
    with FaultyServer({0: ("429 3600", "429 date 3600", "ok")}) as server:
        ask(client(server))
    assert all(0.4 <= waited < 3 for waited in server.waits(0))


def test_a_local_server_needs_no_key_but_openai_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with FaultyServer() as server, pytest.raises(UserError, match="provided: none"):
        ask(client(server))
    with pytest.raises(UserError, match="OPENAI_API_KEY holds no key"):
        ChatClient("m")
    with pytest.raises(UserError, match="MY_KEY holds no key"):
        ChatClient("m", key_env="MY_KEY")


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ChatClient("m").address == "https://api.openai.com/v1"
    with FaultyServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert ask(ChatClient("m")).calls == 1


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost/v1", "http://", "http://[::1/v1", "http://a:99999"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="base_url cannot be"):
        ChatClient("m", url)


@pytest.mark.parametrize(
    "url", [f"http://me:{KEY}@localhost/v1", f"http://localhost/v1?key={KEY}", "http://localhost/#a"]
)
def test_an_address_that_holds_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UserError, match="give the key by key_env") as told:
        ChatClient("m", url)
    assert KEY not in str(told.value)


@pytest.mark.parametrize("bad", ["sk-\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", "sk-one\nsk-two"])
def test_a_key_that_cannot_be_sent_is_refused_without_repeating_it(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", bad)
    with pytest.raises(UserError, match="OPENAI_API_KEY holds characters") as told:
        ChatClient("m")
    assert "sk-" not in str(told.value)
