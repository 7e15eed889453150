"""Binary layouts as tables: one line for each field, little-endian, with its missing value."""

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it begins, its `struct` code, its name, the value that means missing."""

    at: int
    code: str
    name: str
    missing: int | None = None


class Layout:
    """A table of fields in ascending order; bytes that no field names are skipped."""

    def __init__(self, *fields: Field) -> None:
        parts = ["<"]
        end = 0
        for field in fields:
            parts += [f"{field.at - end}x", field.code]
            end = field.at + struct.calcsize("<" + field.code)
        self._struct = struct.Struct("".join(parts))
        self._names = tuple(field.name for field in fields)
        self._missing = tuple(field for field in fields if field.missing is not None)

    @property
    def size(self) -> int:
        """Bytes up to the end of the last field."""
        return self._struct.size

    def read(self, data: bytes, *, at: int = 0) -> dict[str, int]:
        """Fields by name; those that are missing are left out."""
        found = dict(zip(self._names, self._struct.unpack_from(data, at), strict=True))
        for field in self._missing:
            if found[field.name] == field.missing:
                del found[field.name]
        return found
