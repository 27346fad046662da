"""Answered statements on no trait, for a list that shows none of the person's answers.

After an empty list a model gives one answer to everything, so nothing can move it. After a few statements that are
trivially true, trivially false or neither, its answers vary. The statements are this project's own and the same for
every row. Every option occurs three times, once in each third, so that neither an option nor the end of the list is
favoured.
"""

from steerbench.contracts.targets import Answer, Item

_THIRDS = (
    (
        ("Have been to the Moon.", 1),
        ("Have walked in the rain.", 4),
        ("Prefer a round table to a square one.", 3),
        ("Have been born.", 5),
        ("Eat soup for breakfast.", 2),
    ),
    (
        ("Eat bread now and then.", 4),
        ("Cast two shadows.", 1),
        ("Can read.", 5),
        ("Keep more than ten hats.", 2),
        ("Like even numbers more than odd ones.", 3),
    ),
    (
        ("Breathe air.", 5),
        ("Write with the left hand.", 2),
        ("Can breathe under water.", 1),
        ("Own a pair of shoes.", 4),
        ("Would rather stand on the left than on the right.", 3),
    ),
)
ANCHORS = tuple(
    Answer(Item(f"anchor-{third}-{place}", text), tick)
    for third, answered in enumerate(_THIRDS)
    for place, (text, tick) in enumerate(answered)
)
