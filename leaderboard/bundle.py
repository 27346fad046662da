"""Vega-lite as one script, from the copy in the package vl-convert-python. Nothing is downloaded."""

from functools import cache

from steerbench.errors import UserError, installing


@cache
def vega() -> str:
    """A script that adds `vegaEmbed` (vega-embed, with vega and vega-lite) to the page.

    Raises:
        UserError: the package is not installed.
    """
    try:
        from vl_convert import javascript_bundle
    except ImportError:
        raise UserError(f"The site's charts need the extra charts: {installing('charts')}.") from None
    return str(javascript_bundle("window.vegaEmbed = vegaEmbed;"))
