"""Which names a symbol can give a folder or a file: IB's symbols hold anything, and disks do not."""

from hashlib import sha256

# Of the 255 bytes that systems allow: what is beside a file, such as one in the making, has a longer name.
MOST_BYTES = 180


def is_folder_name(name: str) -> bool:
    """Return whether a name, which holds no slash, can be that of a folder."""
    return name not in ("", ".", "..") and "/" not in name and len(name.encode()) <= MOST_BYTES


def shortened(name: str) -> str:
    """Return an ASCII name, cut where it is too long, with a sum of all of it behind `%-`, which is in no other name.

    So different names stay different.
    """
    if len(name) <= MOST_BYTES:
        return name
    end = f"%-{sha256(name.encode()).hexdigest()[:16]}"
    return name[: MOST_BYTES - len(end)] + end
