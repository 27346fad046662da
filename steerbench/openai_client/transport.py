"""HTTP client for servers that may be broken or hostile: no redirects, and answers of bounded size.

Redirects are not followed, so that texts and keys reach only the address that the user gave. An answer is read and
decompressed in pieces, and abandoned when it is too long. The caller sets the time limit.
"""

import zlib
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from openai import DefaultAsyncHttpxClient, OpenAIError

LONGEST = 8 * 2**20
"""Most bytes of a decompressed answer. A thousand tokens with ten candidates each take about a million."""
LONGEST_ERROR = 2**16
"""Most bytes that are read of an error response."""
KEPT = (b"location", b"retry-after", b"retry-after-ms")
"""Headers that are passed on. The character set is dropped: JSON is UTF-8, and some Python codecs decompress."""


class UnreadableAnswerError(OpenAIError):
    """The answer is too long, or its compression cannot be read."""


class BoundedClient(DefaultAsyncHttpxClient):
    """An httpx client for the `openai` package that reads each answer completely, within the size limits."""

    def __init__(self, **settings: Any) -> None:
        # No cookies: they would let a server change the content of later requests.
        super().__init__(**settings, cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())))
        # Only gzip is offered: other codecs cannot stop decompressing at a maximal length.
        self.headers["Accept-Encoding"] = "gzip"

    async def send(self, request: Any, **settings: Any) -> Any:
        """
        Raises:
            UnreadableAnswerError: the answer is too long or cannot be decompressed.
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
