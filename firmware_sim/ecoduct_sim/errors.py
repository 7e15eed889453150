"""What the simulator says when it cannot go on. It shares no code with the gateway, errors too."""


class SimError(Exception):
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
        """Three lines, the form in which the command prints an error."""
        return f"what   {self.what}\nwhere  {self.where}\ntry    {self.remedy}"


class TrackError(SimError):
    """A table of tracks cannot be read: the file, and where known the line and the column."""


class ProjectionError(SimError):
    """A coordinate system that is not known here, or a position outside it."""


class ScenarioError(SimError):
    """A landscape file does not say what a scenario must say."""


class UsageError(SimError):
    """An option has a value that cannot be used."""
