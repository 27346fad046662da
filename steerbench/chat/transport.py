"""HTTP with a server that may be broken or hostile: it sends no request on, and it is not read without end.

Redirects are answers like any other, so that texts and keys reach the address that the user gave and no other. An
answer is read piece by piece, unpacked as it comes, and given up when it is too long. How long all of that may take is
for the caller to say.
"""

import zlib
from typing import Any

from openai import DefaultAsyncHttpxClient, OpenAIError

LONGEST = 16 * 2**20
"""Bytes of an answer once it is unpacked. Thousands of tokens with ten candidates each have a few million."""
LONGEST_ERROR = 2**16
"""Bytes that are read of an answer that reports an error; the rest is left."""
KEPT = ("location", "retry-after", "retry-after-ms")
"""Headers that are passed on. A character set is not among them: JSON is UTF-8, and some of Python's are packers."""


class UnreadableAnswerError(OpenAIError):
    """An answer that is too long, or packed in a way that it cannot be read."""


class BoundedClient(DefaultAsyncHttpxClient):
    """The client of `openai`, whose answers have been read whole and within bounds when they are handed on."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # What is not offered need not be unpacked: other codecs cannot be told to stop at a length.
        self.headers["Accept-Encoding"] = "gzip"

    async def send(self, request: Any, **settings: Any) -> Any:
        """
        Raises:
            UnreadableAnswerError: the answer breaks the bounds.
        """
        response = await super().send(request, **settings | {"stream": True, "follow_redirects": False})
        try:
            body = await _body(response)
        finally:
            await response.aclose()
        headers = {name: response.headers[name] for name in KEPT if name in response.headers}
        headers["Content-Type"] = "application/json"
        return type(response)(response.status_code, headers=headers, content=body, request=request)


async def _body(response: Any) -> bytes:
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise UnreadableAnswerError(f"a body packed as {packing[:20]!r}, which was not asked for")
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if "gzip" in packing else None
    longest = LONGEST if response.is_success else LONGEST_ERROR
    body = bytearray()
    async for part in response.aiter_raw():
        try:
            body += unpacker.decompress(part, longest + 1 - len(body)) if unpacker else part
        except zlib.error:
            raise UnreadableAnswerError("a body that cannot be unpacked") from None
        if len(body) > longest:
            if response.is_success:
                raise UnreadableAnswerError(f"a body of more than {LONGEST} bytes")
            break
        if unpacker and unpacker.eof:
            break
    return bytes(body[:longest])
