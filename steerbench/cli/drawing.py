"""Whether charts can be drawn here."""

import sys

from steerbench.errors import installing


def can_draw() -> bool:
    """Whether the extra that draws charts is installed; if not, that is said on stderr."""
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ModuleNotFoundError:
        print(f"No chart was drawn: {installing('charts')}.", file=sys.stderr)
        return False
    return True
