"""The judge `llm` against a server that fails: nothing lost, nothing rated twice, nothing made up."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from judges.llm import KEPT, LLM, UNREADABLE, rating_probabilities
from judges.rubrics import REMINDER, digest, instruction
from steerbench.contracts import Case, Usage, Verdict
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.errors import UserError
from steerbench.judging.panel import Panel, verdicts_key
from steerbench.openai_client import client as client_module
from steerbench.openai_client import transport
from steerbench.openai_client.completion import CUT, TEMPLATE, Token
from steerbench.plugins.plugin import construct
from steerbench.records.verdicts import Verdicts, case_key
from tests.judges.faulty_server import COMPLETION_TOKENS, KEY, PROMPT_TOKENS, FaultyServer, expected, meant
from tests.judges.hostile_answers import HARMLESS, IMPOSSIBLE, LIES, UNTOLD

ATTEMPTS = 3


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A key, and a configuration folder of the test's own."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "steerbench").mkdir()
    return tmp_path / "steerbench"


def judge(server: FaultyServer, **parameters: object) -> LLM:
    quick = {"model": "m", "base_url": server.url, "backoff": 0.01, "attempts": ATTEMPTS, "timeout": 4.0}
    made: LLM = construct("judge", "llm", quick | parameters)
    return made


def cases(n: int) -> list[Case]:
    return [Case("trait", "openness", f"What now, case-{i}?", f"I did the thing number {i}.") for i in range(n)]


def verdicts(judged: LLM, asked: Sequence[Case], found: dict[int, Verdict] | None = None) -> dict[int, Verdict]:
    """All verdicts, put into `found` as they come."""
    found = {} if found is None else found
    for batch in judged.rate(asked, None):
        assert not found.keys() & batch.keys()
        found.update(batch)
    return found


PASSING = (
    *("429 0", "429 date 0", "429 ms 5", "429", "500", "503", "stall", "close", "truncated", "cut off", "html"),
    *("429 31536000", "429 date 31536000", "429 -9", "429 nan", "429 1e999", "429 ms nan", "429 date -3e9"),
    *("redirect 301", "redirect 302", "redirect 303", "redirect 307", "redirect 308", "status 304", "status 101"),
    *("endless", "endless error", "endless headers", "bomb 3", "headers packed as br", "headers packed twice"),
    *("headers packed but not", "body deep", "body deep dicts", "body twice", "body no choices", "body number"),
    *("body null", "body text in another code", "body blanks", "status 204", "drip", "dripping headers"),
)
REASONS = {
    **dict.fromkeys(("no rating", "seven", "empty", "quoting", "going on", "undecided"), UNREADABLE),
    **dict.fromkeys(("in thoughts", "only thoughts"), UNFINISHED),
    **dict.fromkeys(("cut", "filtered"), CUT),
}
UNREADABLE_STEPS = tuple(REASONS)
CANDID = ("thoughts", "thoughts apart", "surrogate", *HARMLESS)
"""Steps whose reply has its rating and all its probabilities."""
FALSE = (*LIES, UNTOLD)
TRIED, REFUSED = f"{ATTEMPTS} attempts failed", "the server refused the request (400)"
FATES: list[tuple[tuple[str, ...], int, str]] = [
    # script, calls it takes, reason it stays unscored ("" if it is rated)
    *[((step, "ok"), 2, "") for step in PASSING],
    *[((step, "ok"), 2, "") for step in UNREADABLE_STEPS],
    *[((step,), 2, reason) for step, reason in REASONS.items()],
    *[((step,), 1, "") for step in (*CANDID, *IMPOSSIBLE, *FALSE)],
    (("no rating", "500", "seven"), 3, UNREADABLE),
    (("503", "empty", "html", "ok"), 4, ""),
    (("500",), ATTEMPTS, TRIED),
    (("truncated", "close", "429 0"), ATTEMPTS, TRIED),
    (("no rating", "500"), 1 + ATTEMPTS, TRIED),
    (("400",), 1, REFUSED),
    (("no rating", "400"), 2, REFUSED),
]


def test_of_a_thousand_cases_with_a_quarter_at_fault_each_gets_its_one_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE", 0.05)
    monkeypatch.setattr(transport, "LONGEST", 2**20)
    fates = {4 * i: FATES[i % len(FATES)] for i in range(250)}
    scripts = {case: script for case, (script, _, _) in fates.items()}
    start = time.monotonic()
    with FaultyServer() as elsewhere, FaultyServer(scripts, elsewhere=elsewhere.url) as server:
        judged = judge(server, concurrency=16, price_in=2.0, price_out=10.0)
        found = verdicts(judged, cases(1000))
        took = time.monotonic() - start
    assert len(fates) > len(FATES)
    assert elsewhere.http.visitors == 0
    assert sorted(found) == list(range(1000))
    for case, verdict in found.items():
        script, calls, reason = fates.get(case, (("ok",), 1, ""))
        assert len(server.calls[case]) == verdict.usage.calls == calls, (script, server.calls[case], verdict)
        if reason:
            assert verdict.rating is None
            assert verdict.unscored.startswith(reason), (script, verdict)
        else:
            believed = float(meant(case)) if script[0] in IMPOSSIBLE else expected(case)
            assert verdict.rating == pytest.approx(believed), (script, verdict)
            assert verdict.details["stated"] == meant(case)
    completions = [
        (case, step)
        for case, calls in server.calls.items()
        for _, step in calls
        if step in (*UNREADABLE_STEPS, *CANDID, *IMPOSSIBLE, "ok")
    ]
    lied = {case for case, (script, _, _) in fates.items() if script[0] in FALSE}
    total = sum((verdict.usage for case, verdict in found.items() if case not in lied), Usage())
    assert total.prompt_tokens == PROMPT_TOKENS * len(completions)
    assert total.completion_tokens == COMPLETION_TOKENS * len(completions)
    assert total.cost == pytest.approx((2 * total.prompt_tokens + 10 * total.completion_tokens) / 1e6)
    for case in lied:  # every token is a byte or more, and there cannot have been more than were asked for
        sent = len(instruction(cases(1000)[case]).encode())
        assert PROMPT_TOKENS < sent <= found[case].usage.prompt_tokens <= sent + len("user") + TEMPLATE
        assert COMPLETION_TOKENS <= found[case].usage.completion_tokens <= judged.max_tokens
    assert took < 120


@pytest.mark.parametrize("lie", FALSE)
def test_no_server_gives_a_budget_back(tmp_path: Path, lie: str) -> None:
    with FaultyServer(dict.fromkeys(range(40), (lie,))) as server, Verdicts.in_file(tmp_path / "v.sqlite") as kept:
        judged = judge(server, concurrency=1, price_in=1.0, price_out=1.0, max_tokens=50)
        honest = (PROMPT_TOKENS + COMPLETION_TOKENS) / 1e6
        panel = Panel({"trait": judged}, None, kept, budget=20 * honest)
        with pytest.raises(UserError, match=r"budget of 0\.00214 is spent"):
            panel.rate(cases(40))
        assert 0 < len(server.calls) <= 20
        assert kept.used(verdicts_key(judged)).cost >= 20 * honest


def test_half_of_a_character_from_a_server_or_a_user_breaks_neither_request_nor_ledger(tmp_path: Path) -> None:
    asked = [*cases(2), Case("trait", "openness", "What now, \ud83d case-2?", "Half \udc00 of one.")]
    scripts = {0: ("surrogate",), 1: ("refused surrogate",)}
    with FaultyServer(scripts) as server, Verdicts.in_file(tmp_path / "v.sqlite") as kept:
        judged = judge(server)
        Panel({"trait": judged}, None, kept).rate(asked)
        rated, refused, strange = kept.get(verdicts_key(judged), map(case_key, asked)).values()
    assert rated.rating == pytest.approx(expected(0))
    assert rated.details["reply"] == f"It shows ?.\nRating: [[{meant(0)}]]"
    assert refused.unscored == f"{REFUSED}: no"
    assert strange.rating == pytest.approx(expected(2))


def test_judges_are_shown_no_thoughts_and_not_asked_about_an_answer_that_never_left_them() -> None:
    answers = ["I love art.", "<think>I should pretend, case-1.</think>\nI love art, case-1.", "<think>Let me see"]
    asked = [Case("trait", "openness", f"What now, case-{i}?", answer) for i, answer in enumerate(answers)]
    with FaultyServer() as server:
        found = verdicts(judge(server), asked)
    assert found[2] == Verdict(None, UNFINISHED)
    assert found[1].rating == pytest.approx(expected(1))
    assert sorted(server.calls) == [0, 1]
    assert not any("pretend" in body["messages"][-1]["content"] for body in server.bodies)


def test_no_more_are_asked_at_once_than_was_allowed() -> None:
    with FaultyServer(delay=0.02) as server:
        verdicts(judge(server, concurrency=3), cases(20))
    assert server.most_at_once == 3


def test_a_reply_without_a_rating_is_asked_for_once_more_with_a_reminder_and_then_given_up() -> None:
    with FaultyServer({0: ("no rating",), 1: ("empty", "seven")}) as server:
        found = verdicts(judge(server), cases(2))
    assert found[0].unscored == found[1].unscored == "the reply held no rating"
    assert found[0].details["reply"] == "I would rather not say."
    assert found[1].details["reply"] == "Splendid.\nRating: [[7]]"
    told = [body["messages"][-1]["content"] for body in server.bodies if "case-0" in body["messages"][-1]["content"]]
    assert [REMINDER in text for text in told] == [False, True]
    assert all(body["temperature"] == 0 and body["max_tokens"] == 256 for body in server.bodies)
    assert len(found[0].details["reply"]) <= KEPT


def test_a_server_that_refuses_logprobs_is_asked_without_from_then_on() -> None:
    with FaultyServer(refuses=["logprobs"]) as server:
        found = verdicts(judge(server, concurrency=1), cases(5))
    assert [found[i].rating for i in range(5)] == [meant(i) for i in range(5)]
    assert [len(server.calls[i]) for i in range(5)] == [2, 1, 1, 1, 1]
    assert "probabilities" not in found[0].details


def test_a_model_that_takes_no_temperature_and_another_name_for_the_limit_is_asked_its_way() -> None:
    with FaultyServer(refuses=["max_tokens", "temperature", "logprobs"]) as server:
        found = verdicts(judge(server, concurrency=1, max_tokens=77), cases(3))
    assert [found[i].rating for i in range(3)] == [meant(i) for i in range(3)]
    assert [len(server.calls[i]) for i in range(3)] == [4, 1, 1]
    assert found[0].usage.calls == 4
    assert server.bodies[-1]["max_completion_tokens"] == 77
    assert not {"max_tokens", "temperature", "logprobs", "top_logprobs"} & set(server.bodies[-1])


def test_logprobs_that_are_not_wanted_are_not_asked_for() -> None:
    with FaultyServer() as server:
        found = verdicts(judge(server, logprobs=False), cases(1))
    assert "logprobs" not in server.bodies[0]
    assert found[0].rating == meant(0)


def test_repeats_are_averaged_over_those_that_could_be_read() -> None:
    with FaultyServer({0: ("ok", "no rating", "no rating", "ok"), 1: ("400",), 2: ("ok", "400", "400")}) as server:
        found = verdicts(judge(server, repeats=3, logprobs=False), cases(3))
    assert [repeat["rating"] for repeat in found[0].details["repeats"]] == [meant(0), None, meant(0)]
    assert found[0].rating == meant(0)
    assert found[0].usage == Usage(4, 4 * PROMPT_TOKENS, 4 * COMPLETION_TOKENS, 0.0)
    assert (found[1].rating, found[1].usage.calls) == (None, 3)
    assert found[1].unscored.startswith(REFUSED)
    assert (found[2].rating, found[2].unscored) == (meant(2), "")


@pytest.mark.parametrize(("step", "least"), [("429 1.2", 1.2), ("429 date 2", 1.0), ("429 ms 700", 0.7)])
def test_the_time_that_a_server_asks_for_is_waited(step: str, least: float) -> None:
    with FaultyServer({0: (step, "ok")}) as server:
        assert verdicts(judge(server), cases(1))[0].rating == pytest.approx(expected(0))
    (waited,) = server.waits(0)
    assert least - 0.05 <= waited < least + 2.0


def test_a_refused_key_ends_it_after_what_was_had_has_been_handed_on() -> None:
    found: dict[int, Verdict] = {}
    refused = pytest.raises(UserError, match=r"refuses the key in OPENAI_API_KEY \(401: .*\*\*\*")
    with FaultyServer({4: ("wrong key",)}) as server, refused as caught:
        verdicts(judge(server, concurrency=2), cases(50), found)
    assert set(found) >= {0, 1, 2}
    assert len(server.calls) < 10
    assert KEY not in str(caught.value)


def test_the_key_is_in_no_error_verdict_identity_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scripts = {0: ("500",), 1: ("400",), 2: ("key",), 3: ("stall",), 4: ("close",), 5: ("no rating",), 6: ("ok",)}
    with FaultyServer(scripts) as server:
        judged = judge(server, timeout=0.5)
        found = verdicts(judged, cases(7))
        assert "***" in found[0].unscored  # the server repeats what it was sent
        assert "***" in found[1].unscored
        assert found[2].details["reply"].startswith("You are ***.")
        server.scripts = {7: ("wrong key",)}
        with pytest.raises(UserError) as caught:
            verdicts(judge(server), cases(8)[7:])
    error: BaseException | None = caught.value
    while error:  # the whole chain, as a traceback would print it
        assert KEY not in repr(error)
        error = error.__cause__ or error.__context__
    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in repr(found) + json.dumps(judged.identity()) + repr(judged)


def test_when_no_more_cases_are_handed_out_those_in_flight_are_still_rated() -> None:
    spent, drawn = False, 0

    def within_budget() -> Iterator[Case]:
        nonlocal drawn
        for case in cases(100):
            if spent:
                return
            drawn += 1
            yield case

    found: dict[int, Verdict] = {}
    with FaultyServer(delay=0.05) as server:
        for batch in judge(server, concurrency=4).rate(within_budget(), None):
            found |= batch
            spent = len(found) >= 10
    assert sorted(found) == list(range(drawn)) == sorted(server.calls)
    assert 10 <= drawn <= 10 + 4
    assert all(len(calls) == 1 for calls in server.calls.values())


def test_a_case_is_drawn_only_when_there_is_room() -> None:
    drawn = 0

    def counted() -> Iterator[Case]:
        nonlocal drawn
        for case in cases(30):
            drawn += 1
            yield case

    yielded = 0
    with FaultyServer() as server:
        for batch in judge(server, concurrency=3).rate(counted(), None):
            yielded += len(batch)
            assert drawn <= yielded - len(batch) + 3
    assert yielded == 30


CHILD = """
import json, os, sys
from judges.llm import LLM
from steerbench.contracts import Case
url, path, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
cases = [Case("trait", "openness", f"What now, case-{i}?", f"I did the thing number {i}.") for i in range(n)]
with open(path, "a") as file:
    for batch in LLM("m", base_url=url, concurrency=6).rate(cases, None):
        for place, verdict in batch.items():
            file.write(json.dumps([place, verdict.rating]) + "\\n")
        file.flush()
        os.fsync(file.fileno())
"""


def test_killed_in_the_middle_it_goes_on_without_paying_twice(tmp_path: Path) -> None:
    path, n, concurrency = tmp_path / "verdicts.jsonl", 120, 6
    with FaultyServer(delay=0.05) as server:
        child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, str(path), str(n)])
        deadline = time.monotonic() + 60
        while (path.read_text().count("\n") if path.exists() else 0) < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        had = dict(json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n"))
        assert 30 <= len(had) < n
        missing = [i for i in range(n) if i not in had]
        found = verdicts(judge(server, concurrency=concurrency), [cases(n)[i] for i in missing])
    ratings = had | {missing[place]: verdict.rating for place, verdict in found.items()}
    assert {i: pytest.approx(ratings[i]) for i in range(n)} == {i: expected(i) for i in range(n)}
    twice = [i for i, calls in server.calls.items() if len(calls) == 2]
    assert all(len(calls) <= 2 for calls in server.calls.values())
    assert len(twice) <= concurrency
    assert not set(twice) & set(had)


def test_its_identity_is_what_a_verdict_depends_on() -> None:
    one = LLM("m", "http://localhost:1/v1", concurrency=2, price_in=1.0, price_out=1.0, timeout=5.0)
    same = LLM("m", "http://localhost:1/v1/", concurrency=9)
    assert one.identity() == same.identity()
    assert one.identity()["rubric"] == digest()
    changed = [
        LLM("n", one.base_url),
        LLM("m"),
        LLM("m", one.base_url, repeats=2),
        LLM("m", one.base_url, logprobs=False),
    ]
    assert len({tuple(j.identity().values()) for j in [one, *changed]}) == 5


def test_prices_are_looked_up_in_the_users_configuration(surroundings: Path) -> None:
    assert not LLM("m").priced
    assert not LLM("m", price_in=1.0).priced
    assert LLM("m", price_in=0.0, price_out=0.0).priced
    (surroundings / "prices.toml").write_text('["m"]\ninput = 2.5\noutput = 10\n')
    assert LLM("m").priced
    assert not LLM("other").priced
    with FaultyServer() as server:
        listed = verdicts(judge(server), cases(1))[0].usage.cost
        half_given = verdicts(judge(server, price_in=100.0), cases(1))[0].usage.cost
    assert listed == pytest.approx((2.5 * PROMPT_TOKENS + 10 * COMPLETION_TOKENS) / 1e6)
    assert half_given == pytest.approx((100 * PROMPT_TOKENS + 10 * COMPLETION_TOKENS) / 1e6)


@pytest.mark.parametrize("text", ['["m"', '["m"]\ninput = 2\n', '["m"]\ninput = "much"\noutput = 1\n', "m = 3\n"])
def test_a_malformed_price_list_is_the_users_to_mend(surroundings: Path, text: str) -> None:
    (surroundings / "prices.toml").write_text(text)
    with pytest.raises(UserError, match=r"prices\.toml"):
        LLM("m")


def test_what_is_missing_is_said_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"--param llm\.model=NAME"):
        construct("judge", "llm", {})
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        construct("judge", "llm", {"model": "m"})
    construct("judge", "llm", {"model": "m", "base_url": "http://localhost:1/v1"})


P4, P5 = 0.36787944 + 0.13533528, 0.22313016
AT_FOUR = Token("4", {"4": -1.0, " 4": -2.0, "5": -1.5, "7": -0.1, "four": -0.2})


@pytest.mark.parametrize(
    "tokens",
    [
        [Token("Not [[", {}), Token("1", {"1": 0.0, "2": -1.0}), Token("]], but\n[[", {}), AT_FOUR, Token("]]", {})],
        # The server lists the thoughts that it leaves out of the reply, with their marks or without.
        [
            Token("<think>[[", {}),
            Token("2", {"2": 0.0}),
            Token("]]</think>", {}),
            Token("[[", {}),
            AT_FOUR,
            Token("]]", {}),
        ],
        [Token("Say [[2]].", {}), Token("Rating: [[ ", {}), AT_FOUR, Token(" ]].", {}), Token("<|im_end|>", {})],
    ],
)
def test_probabilities_are_those_at_the_digit_of_the_last_brackets_normalised_over_the_five(
    tokens: list[Token],
) -> None:
    assert rating_probabilities(tokens, 4) == pytest.approx([0, 0, 0, P4 / (P4 + P5), P5 / (P4 + P5)])


def test_a_digit_inside_a_longer_token_is_found() -> None:
    tokens = [Token("Rating:", {}), Token(" [[3]]", {" [[3]]": -0.5, " [[2]]": -0.5, " [[3": -0.1, "3": -0.1})]
    assert rating_probabilities(tokens, 3) == pytest.approx([0, 0.5, 0.5, 0, 0])


@pytest.mark.parametrize(
    "tokens",
    [
        [Token("no rating", {"no rating": 0.0, "x": -1.0})],
        [Token("[[", {}), Token("3", {"3": -0.1}), Token("]]", {})],
        [Token("[[7]]", {"[[7]]": -0.1, "[[3]]": -0.2})],
        [Token("[[", {}), Token("2", {"2": -0.1, "3": -2.0}), Token("]]", {})],  # another digit than the reply states
        [Token("<think>[[", {}), Token("3", {"3": -0.1, "2": -2.0}), Token("]]", {})],
    ],
)
def test_without_candidates_at_the_stated_rating_there_are_no_probabilities(tokens: list[Token]) -> None:
    assert rating_probabilities(tokens, 3) is None
