"""How an open question is framed. Asked without a frame, a model answers as an assistant, steered or not.

The published protocol frames every row alike: imagine being a real person, with thoughts and feelings of one's own, in
no more than 300 words (Deng et al. 2024). The words here are this project's own.
"""

from collections.abc import Mapping
from typing import NamedTuple

from steerbench.errors import UserError, unknown

QUESTION = "{question}"
BARE, FRIEND, PERSON = "bare", "friend", "person"


class QuestionFrame(NamedTuple):
    """The user's turn with `QUESTION` as a placeholder, and the words with which the answer starts.

    `said` describes the frame in captions.
    """

    turn: str
    start: str = ""
    said: str = ""

    def asked(self, question: str) -> str:
        return self.turn.replace(QUESTION, question)


FRAMES: Mapping[str, QuestionFrame] = {
    BARE: QuestionFrame(QUESTION, said="asked bare"),
    FRIEND: QuestionFrame(f"A close friend asks you: {QUESTION}", "Honestly, I", "asked by a friend"),
    PERSON: QuestionFrame(
        "Picture yourself as a real human being, and no language model, with a mind, feelings and a life of your own. "
        f"Say what such a person truly thinks and feels, in at most 300 words.\n\n{QUESTION}",
        said="asked as a person",
    ),
}


def frame_named(name: str) -> QuestionFrame:
    """One of `FRAMES`, or the user's own text with `QUESTION` in it once.

    Raises:
        UserError: it is neither.
    """
    if name in FRAMES:
        return FRAMES[name]
    if name.count(QUESTION) == 1:
        return QuestionFrame(name, said=f"asked as '{' '.join(name.split())}'")
    if "{" in name or " " in name:
        raise UserError(f"The frame '{name[:80]}' has to contain {QUESTION} once, as the place of the question.")
    raise UserError(f"{unknown('frame', name, FRAMES)} Or write your own, with {QUESTION} in it.")
