"""The bodies of HTTP requests: read within limits, unpacked, and turned into arrays."""

import io
import math
import zlib

import numpy as np

from zoo.errors import UsageError
from zoo.serve.batching import QueueFull

NPY, PICTURES = "application/x-npy", ("image/png", "image/jpeg")
PIECE = 2**16  # bytes that are unpacked at once


class TooLarge(Exception):
    """The body is larger than allowed."""


class Held:
    """The bytes of all requests that are being answered, bounded.

    Args:
        most: Most bytes.
    """

    def __init__(self, most):
        self._most, self._bytes = most, 0

    def take(self, count):
        """Counts bytes in.

        Raises:
            QueueFull: If they are too many with those that are held; they are counted all the same.
        """
        self._bytes += count
        if self._bytes > self._most:
            raise QueueFull

    def give_back(self, count):
        """Counts bytes out."""
        self._bytes -= count


class Body:
    """The body of one request, and what it takes in memory, until the block ends.

    Args:
        request: A `starlette.requests.Request`.
        most: Most bytes of it, unpacked.
        held: The `Held` of all requests.
    """

    def __init__(self, request, most, held):
        self._request, self._most, self._held, self._bytes = request, most, held, 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._held.give_back(self._bytes)

    def take(self, count):
        """Counts bytes that the request takes beside its body; `QueueFull` if they are too many with all others."""
        self._bytes += count
        self._held.take(count)

    async def read(self):
        """The whole body, unpacked.

        Raises:
            TooLarge: If it is larger than allowed.
            QueueFull: If all bodies together are.
            UsageError: If it is packed in another way than gzip's, or damaged.
        """
        length = self._request.headers.get("content-length")
        if length is not None and length.isdecimal() and int(length) > self._most:
            raise TooLarge
        packed = self._request.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("identity", "gzip", "x-gzip"):
            raise UsageError(f"the body has Content-Encoding {packed[:40]}; expected gzip or none.")
        unpack = _Gzip() if packed != "identity" else None
        parts = []
        async for part in self._request.stream():
            for piece in (part,) if unpack is None else unpack.pieces(part):
                self.take(len(piece))
                if self._bytes > self._most:
                    raise TooLarge
                parts.append(piece)
        if unpack is not None:
            unpack.check_end()
        return b"".join(parts)


class _Gzip:
    """gzip's members, unpacked piece by piece: a body of a kilobyte may hold a megabyte."""

    def __init__(self):
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def pieces(self, packed):
        try:
            while packed:
                if self._member.eof:
                    self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
                piece = self._member.decompress(packed, PIECE)
                packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
                if piece:
                    yield piece
        except zlib.error as problem:
            raise UsageError(f"the body is not gzip, though its Content-Encoding says so ({problem}).") from None

    def check_end(self):
        if not self._member.eof:
            raise UsageError("the body is gzip that ends too soon.")


def from_bytes(body, kind, signature):
    """The inputs of a body that is an array or a picture.

    Args:
        body: The bytes.
        kind: Its content type.
        signature: The `Signature` asked.

    Raises:
        UsageError: If it is no such thing, or the signature does not take it.
    """
    if len(signature.fields) != 1:
        raise UsageError(f"a body of {kind} holds one input; {signature.name} takes {sorted(signature.fields)}.")
    name, field = next(iter(signature.fields.items()))
    if kind in PICTURES:
        if field.dtype != "string":
            raise UsageError(f"a picture needs a signature that takes bytes; {signature.name} takes {field.dtype}.")
        return {name: np.array([body, None], object)[:-1]}
    if field.dtype == "string":
        raise UsageError(f"{signature.name} takes texts or bytes, and no arrays.")
    return {name: read_npy(body)}


def read_npy(body):
    """An array out of the bytes of an .npy file; it shares their memory.

    Raises:
        UsageError: If they are no such file, or hold objects; an archive of several arrays, .npz, is none.
    """
    file = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, EOFError, OSError, SyntaxError, TypeError) as problem:
        raise UsageError(
            f"the body is not an .npy array ({str(problem).splitlines()[0] if str(problem) else 'damaged'})."
        ) from None
    if dtype.kind not in "?biuf":
        raise UsageError(f"the body is an .npy array of {dtype}; expected numbers.")
    left, wanted = len(body) - file.tell(), math.prod(shape) * dtype.itemsize
    if left != wanted:
        raise UsageError(f"the body is an .npy array of shape {shape}, which takes {wanted} bytes; {left} came.")
    array = np.frombuffer(body, dtype, offset=file.tell())
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def write_npy(outputs, wanted):
    """The bytes of an .npy file of one output: the one wanted, or the first.

    Raises:
        UsageError: If there is no such output.
    """
    if wanted is not None and wanted not in outputs:
        raise UsageError(f"there is no output {wanted!r}; there are {sorted(outputs)}.")
    written = io.BytesIO()
    np.save(written, np.asarray(outputs[wanted or next(iter(outputs))]), allow_pickle=False)
    return written.getvalue()
