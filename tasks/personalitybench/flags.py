"""What PersonalityBench's board warns of."""

from steerbench.contracts.flags import flag_kind

BOARDS = "PersonalityBench"

LESS_FLUENT = flag_kind(
    "personalitybench/less-fluent",
    "less fluent than unsteered",
    BOARDS,
    "a paired test on fluency has p < 0.05, uncorrected",
)
REPEATS = flag_kind(
    "personalitybench/repeats",
    "repeats itself",
    BOARDS,
    "of an answer's pairs of words fewer than half are distinct",
)
CUT_OFF = flag_kind(
    "personalitybench/cut-off",
    "{share:%} cut off at the token limit",
    BOARDS,
    "more than a tenth of the answers were cut; --param personalitybench.max_new_tokens raises the limit",
)
SPEAKS_AS_AI = flag_kind(
    "personalitybench/as-ai",
    "{share:%} of answers speak as an AI or refuse",
    BOARDS,
    "more than a quarter of the answers call the speaker an AI, disown what people have, or decline to answer",
)
UNRATED = flag_kind(
    "personalitybench/unscored",
    "{share:%} unscored",
    BOARDS,
    "the judge gave some answers no rating; they leave the means",
)
UNRATED_FLUENCY = flag_kind(
    "personalitybench/unscored-fluency",
    "fluency of {share:%} unscored",
    BOARDS,
    "the same of the fluency",
)
