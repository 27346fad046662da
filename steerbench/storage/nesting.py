"""Bounds how deep JSON nests without parsing it, because parsers recurse and overflow the stack on deep input."""

import re


def is_deeper(text: bytes, levels: int) -> bool:
    """Whether JSON nests more than `levels` levels."""
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    depth, in_text = 0, False
    for token in re.finditer(rb'\\.|["\[\]{}]', text, re.DOTALL):
        mark = token[0]
        if mark == b'"':
            in_text = not in_text
        elif not in_text and mark in b"[]{}":
            depth += 1 if mark in b"[{" else -1
            if depth > levels:
                return True
    return False
