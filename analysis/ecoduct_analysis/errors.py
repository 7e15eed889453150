"""What the analysis refuses, and why.

AnalysisError (a ValueError)
├── BadTracks      the columns of a track table contradict each other
└── BadFeatures    a landscape feature cannot be used
"""


class AnalysisError(ValueError):
    """The input cannot be analysed; the message says what to change."""


class BadTracks(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """The columns of a track table contradict each other."""


class BadFeatures(AnalysisError):  # noqa: N818 - named for what is wrong, as in the field
    """A landscape feature cannot be used."""
