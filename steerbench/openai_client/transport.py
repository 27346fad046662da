"""HTTP with a server that may be broken or hostile: it sends no request on, and it is not read without end.

Redirects are answers like any other, so that texts and keys reach the address that the user gave and no other. An
answer is read piece by piece, unpacked as it comes, and given up when it is too long. How long all of that may take is
for the caller to say.
"""

import zlib
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from openai import DefaultAsyncHttpxClient, OpenAIError

LONGEST = 8 * 2**20
"""Bytes of an answer once it is unpacked. A thousand tokens with ten candidates each are about a million."""
LONGEST_ERROR = 2**16
"""Bytes that are read of an answer that reports an error; the rest is left."""
KEPT = (b"location", b"retry-after", b"retry-after-ms")
"""Headers that are passed on. A character set is not among them: JSON is UTF-8, and some of Python's are packers."""


class UnreadableAnswerError(OpenAIError):
    """An answer that is too long, or packed in a way that it cannot be read."""


class BoundedClient(DefaultAsyncHttpxClient):
    """The client of `openai`, whose answers have been read whole and within bounds when they are handed on."""

    def __init__(self, **settings: Any) -> None:
        # No cookies: a server that sets one would decide what later requests hold.
        super().__init__(**settings, cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())))
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
        headers = [(name, value) for name, value in response.headers.raw if name.lower() in KEPT]
        headers.append((b"Content-Type", b"application/json"))
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
    return bytes(memoryview(body)[:longest])
