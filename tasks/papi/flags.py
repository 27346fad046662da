"""What PAPI's boards warn of."""

from steerbench.contracts.flags import flag_kind

BOARDS, CAUSAL = "PAPI, Dark Triad", "causal effect"

ONE_OPTION = flag_kind(
    "papi/one-option",
    "answers one option to {share:%} of items",
    BOARDS,
    "one option is given to more than 90 % of a person's items",
)
UNREAD = flag_kind(
    "papi/unreadable",
    "{share:%} unreadable",
    BOARDS,
    "some answers could not be read; a strict run counts them as the scale's middle",
)
OTHER_FORMS = flag_kind(
    "papi/other-forms",
    "other forms of the question change {share:%} of its answers",
    BOARDS,
    "asked with the options in another order, or in other words, 25 % or more of its answers are other ones",
)
COPY_ALONE = flag_kind(
    "papi/copy-alone",
    "beside nobody else's answers it shows nothing",
    BOARDS,
    "`copy` was asked without `copy-other`, so that nothing shows whether its answers follow the person",
)
NO_EFFECT = flag_kind(
    "papi-causal/no-effect",
    "not significantly different from no effect",
    CAUSAL,
    "0 lies in the interval of the effect",
)
LIKE_PLACEBO = flag_kind(
    "papi-causal/like-placebo",
    "not significantly different from the placebo",
    CAUSAL,
    "0 lies in the interval of its difference from a random direction",
)
UNREAD_CAUSAL = flag_kind(
    "papi-causal/unreadable",
    "{share:%} unreadable",
    CAUSAL,
    "some answers could not be read; they leave the means",
)
