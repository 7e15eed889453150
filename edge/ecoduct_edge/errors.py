"""What can go wrong at a gateway.

EdgeError
├── PortError        a port cannot be opened, or went away
├── FrameError       bytes that are not what their format says; caught and counted, never shown
├── SpoolError       the disk does not keep what it is given
├── UplinkError      the broker cannot be reached
└── SettingsError    the settings file
"""

from ecoduct_wire.errors import EcoductError


class EdgeError(EcoductError):
    """Root of the errors of a gateway."""


class PortError(EdgeError):
    """A port cannot be opened, or went away; it is opened again."""


class FrameError(EdgeError):
    """A frame is not what its format says.

    ``reason`` is one of the words in docs/protocols/refusals.md, ``what`` the detail.
    """

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what, where="frame", remedy="See docs/protocols/refusals.md.")
        self.reason = reason


class SpoolError(EdgeError):
    """The disk does not keep what it is given.

    ``is_damage``: the file itself is damaged; opened anew, it is set aside.
    """

    def __init__(self, what: str, *, where: str, remedy: str, is_damage: bool = False) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.is_damage = is_damage


class UplinkError(EdgeError):
    """The broker cannot be reached or refuses us."""


class SettingsError(EdgeError):
    """The settings cannot be used."""
