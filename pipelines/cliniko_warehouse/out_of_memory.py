"""Whether an error says that memory is short, which each library says in its own way."""

import errno

WORDS = "not enough memory: what was loaded is kept; a run with 2 GB goes on from there"
SIGNS = ("annot allocate memory", "bad_alloc", "failed to map segment", "can't start new thread")


def is_short(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, came of too little memory."""
    while error is not None:
        if (
            isinstance(error, MemoryError)
            or getattr(error, "errno", None) == errno.ENOMEM
            or type(error).__name__ == "OutOfMemoryException"
            or any(sign in str(error) for sign in SIGNS)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
