"""What of a server's answer is taken for the answer, and what for true."""

import json
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from steerbench.contracts.thoughts import UNFINISHED
from steerbench.openai_client.completion import CUT, TEMPLATE, MalformedError, read_completion
from steerbench.openai_client.retry_after import retry_after


def body(message: Any, finish: Any = "stop", **more: Any) -> str:
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}], **more})


@pytest.mark.parametrize(
    ("message", "finish", "text", "missing"),
    [
        ({"content": "So be it."}, "stop", "So be it.", ""),
        ({"content": " So be it.\n"}, None, " So be it.\n", ""),
        ({"content": "So be it."}, ["odd"], "So be it.", ""),
        ({"content": None}, "stop", "", ""),
        ({"content": "Hm.</think>\nSo be it."}, "stop", "So be it.", ""),
        ({"content": "So be it.", "reasoning": "Hm."}, "stop", "So be it.", ""),
        ({"content": "So be it.", "reasoning_content": [1]}, "stop", "So be it.", ""),
        ({"content": "So be it."}, "length", "", CUT),
        ({"content": "So be it."}, "MAX_TOKENS", "", CUT),
        ({"content": "So be it."}, "content_filter", "", CUT),
        ({"content": "<think>So be it."}, "stop", "", UNFINISHED),
        ({"content": "<think>So be it."}, "length", "", UNFINISHED),
        ({"content": "", "reasoning": "So be it."}, "stop", "", UNFINISHED),
    ],
)
def test_the_answer_is_what_was_said_to_its_end_after_the_thoughts(
    message: Any, finish: Any, text: str, missing: str
) -> None:
    reply = read_completion(body(message, finish))
    assert (reply.text, reply.missing, reply.said) == (text, missing, message["content"] or "")


@pytest.mark.parametrize(
    ("claimed", "believed"),
    [
        (5, (5, 5)),
        (5.0, (5, 5)),
        (80 + TEMPLATE, (80 + TEMPLATE, 16)),
        (81 + TEMPLATE, (80 + TEMPLATE, 16)),
        *[(odd, (80 + TEMPLATE, 16)) for odd in (0, -1, -(2**70), 2**70, 1e999, "5", True, [5], None)],
    ],
)
def test_tokens_are_counted_as_claimed_within_what_can_have_been_sent_and_received(
    claimed: Any, believed: tuple[int, int]
) -> None:
    usage = {"prompt_tokens": claimed, "completion_tokens": claimed}
    reply = read_completion(body({"content": "So be it."}, usage=usage), sent=80, limit=16)
    assert (reply.prompt_tokens, reply.completion_tokens) == believed
    longer = read_completion(body({"content": "\u00e9" * 20}, usage={}), sent=80, limit=16)
    assert longer.completion_tokens == 40


@pytest.mark.parametrize("usage", [None, [], 3, "none", {}])
def test_usage_of_any_form_leaves_the_answer_readable(usage: Any) -> None:
    reply = read_completion(body({"content": "So be it."}, usage=usage), sent=80, limit=16)
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("So be it.", 80 + TEMPLATE, 16)


@pytest.mark.parametrize(
    ("logprobs", "tokens"),
    [
        ([{"token": "4", "logprob": -0.5, "top_logprobs": [{"token": "5", "logprob": -2}]}], {"4": -0.5, "5": -2.0}),
        ([{"token": "4", "logprob": -0.5, "top_logprobs": None}], {"4": -0.5}),
        ([{"token": "4", "logprob": -9999.0, "top_logprobs": [{"token": "5", "logprob": None}]}], {"4": -9999.0}),
        ([{"token": "4", "logprob": "-0.5"}], None),
        ([{"token": "4", "logprob": False}], None),
        ([{"token": "4", "logprob": 0.5}], None),
        ([{"token": "4", "logprob": -0.1, "top_logprobs": [{"token": "5", "logprob": -0.1}]}], None),
        ([{"token": 4, "logprob": -0.5}], None),
        ([], None),
        ("none", None),
    ],
)
def test_log_probabilities_that_are_none_are_as_good_as_not_given(
    logprobs: Any, tokens: dict[str, float] | None
) -> None:
    choice = {"message": {"content": "4"}, "logprobs": {"content": logprobs}}
    reply = read_completion(json.dumps({"choices": [choice]}))
    assert reply.text == "4"
    assert (dict(reply.top[0].candidates) if reply.top else None) == tokens


@pytest.mark.parametrize(
    "said", ["", "[", "[]", "{}", '{"choices": [{"message": {"content": 3}}]}', "[" * 10**6, '{"a": 1, "a": 2}']
)
def test_what_is_no_completion_is_refused_as_that(said: str) -> None:
    with pytest.raises(MalformedError):
        read_completion(said)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "300"}, 0.3),
        ({"retry-after-ms": "nan", "retry-after": "2"}, 2),
        ({"retry-after": formatdate(time() + 3000, usegmt=True)}, pytest.approx(3000, abs=1500)),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +99999999"}, None),
        *[({"retry-after": said}, None) for said in ("nan", "inf", "-1e999", "soon", "", "Fri, 99 Jan 9999 00:00:00")],
    ],
)
def test_a_time_to_wait_is_a_number_or_none(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
