"""Medians inside kernels."""

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import FloatArray


@compiled
def ordered(values: FloatArray) -> FloatArray:
    """Values in rising order, by Shell's sort: NumPy's takes seconds to compile."""
    found = values.copy()
    gap = len(found) // 2
    while gap > 0:
        for n in range(gap, len(found)):
            value, at = found[n], n
            while at >= gap and found[at - gap] > value:
                found[at] = found[at - gap]
                at -= gap
            found[at] = value
        gap //= 2
    return found


@compiled
def median(values: FloatArray) -> float:
    """Median of at least one value."""
    rising = ordered(values)
    half = len(rising) // 2
    if len(rising) % 2:
        return float(rising[half])
    return float(0.5 * (rising[half - 1] + rising[half]))
