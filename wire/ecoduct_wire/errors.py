"""The root of every error that a person may read.

EcoductError
├── WireError            a message or a batch is not what the wire format allows
├── EdgeError            (ecoduct_edge.errors)
└── ServerError          (ecoduct_server.errors)
"""


class EcoductError(Exception):
    """Something a person must know: what happened, where, and what to try.

    Parameters
    ----------
    what, where, remedy : str
        Plain sentences with real values. All three are shown, in this order.
    """

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """Three lines, the form in which every command prints an error."""
        return f"what   {self.what}\nwhere  {self.where}\ntry    {self.remedy}"


class WireError(EcoductError):
    """A message or a batch is not what the wire format allows.

    ``reason`` is a short stable word for counters, for example ``bad_json``.
    """

    def __init__(self, what: str, *, where: str, remedy: str, reason: str) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.reason = reason
