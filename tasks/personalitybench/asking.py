"""How questions are put and answers are generated, by protocol."""

from dataclasses import dataclass

from tasks.personalitybench.frames import FRIEND, PERSON


@dataclass(frozen=True)
class AnswerSettings:
    """The frame, how an answer is generated, and whether the judge of fluency sees the question."""

    frame: str
    max_new_tokens: int
    repetition_penalty: float
    fluency_question: bool

    def unlike(self, other: "AnswerSettings") -> list[str]:
        """The differences of another `Asked` from this one, in words."""
        told = []
        if other.frame != self.frame:
            told.append(f"questions are put in the frame '{other.frame}', not as '{self.frame}'")
        if other.max_new_tokens != self.max_new_tokens:
            told.append(f"answers are cut at {other.max_new_tokens} tokens, not at {self.max_new_tokens}")
        if other.repetition_penalty != self.repetition_penalty:
            told.append(f"the repetition penalty is {other.repetition_penalty:g}, not {self.repetition_penalty:g}")
        if other.fluency_question != self.fluency_question:
            told.append("the judge of the fluency is shown the question")
        return told


ASKED = {
    "strict": AnswerSettings(FRIEND, 100, 1.1, fluency_question=True),
    "published": AnswerSettings(PERSON, 400, 1.15, fluency_question=False),
}
"""By protocol; `published` as in the published code."""
