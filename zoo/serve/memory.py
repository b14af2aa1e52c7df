"""What Python's collector and the C library keep of what is gone, and how to make them let go."""

import contextlib
import ctypes
import gc

M_MMAP_THRESHOLD, LARGE = -3, 4 * 2**20


def prepare():
    """Makes malloc give large blocks, such as a network's weights, back to the system as soon as they are free.

    By itself it raises the size from which it does so with every such block, and then keeps them.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library than glibc
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def settle():
    """Collects what is left of a version, and keeps what lives on out of later collections.

    A full collection stops every answer for as long as it takes, and JSON sets one off.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    trim()


def release():
    """Collects what requests that failed leave in cycles, such as a message in the frames of its error, and lets go of it."""
    gc.collect()
    trim()


def trim():
    """Gives what is free in malloc's keeping back to the system."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
