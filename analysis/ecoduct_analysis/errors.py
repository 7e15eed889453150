"""What the analysis refuses, and why.

AnalysisError (a ValueError)
├── BadTracks      the columns of a track table contradict each other
├── BadFeatures    a landscape feature cannot be used
├── BadRule        a parameter is outside what its method can use
├── BadTable       a table lacks a column, or a column holds something else
└── NotProjected   positions are in degrees, or in another projection than the barriers
"""


class AnalysisError(ValueError):
    """The input cannot be analysed; the message says what to change."""


class BadTracks(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """The columns of a track table contradict each other."""


class BadFeatures(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """A landscape feature cannot be used."""


class BadRule(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """A parameter is outside what its method can use."""


class BadTable(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """A table lacks a column, or a column holds something else than it should."""


class NotProjected(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """Positions are in degrees, or in another projection than the barriers."""
