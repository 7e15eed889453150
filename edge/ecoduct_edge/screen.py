"""Doubts about a fix. They mark; nothing is dropped here."""

from dataclasses import dataclass, replace

from ecoduct_wire.messages import Fix, Flag


@dataclass(frozen=True, slots=True)
class ScreenRule:
    """When to doubt a fix.

    Attributes
    ----------
    earliest_ms : int, ms since 1970 UTC
        Before this no collar of ours had been made; receivers that lost their date say so.
    latest_ahead_s : int, s
        How far a device's clock may run ahead of the gateway's.
    most_h_acc_mm, most_hdop_c : int, mm and 0.01
        Beyond these a fix cannot tell the two sides of a road; HDOP counts where no accuracy is
        given.
    least_satellites : int
        A position in three dimensions needs four.
    """

    earliest_ms: int
    latest_ahead_s: int = 86_400
    most_h_acc_mm: int = 50_000
    most_hdop_c: int = 1_000
    least_satellites: int = 4
    zero_within_e7: int = 1_000  # 11 m; receivers that say 0,0 do not dither


def flag(fix: Fix, *, now_ms: int, rule: ScreenRule) -> Fix:
    """Return the fix with a flag for each doubt, after those that it has."""
    doubts = {
        Flag.BEFORE_EARLIEST: fix.fixed_at_ms < rule.earliest_ms,
        Flag.AFTER_LATEST: fix.fixed_at_ms > now_ms + rule.latest_ahead_s * 1000,
        # Receivers say 0,0 while they search; no herd of ours grazes in the Gulf of Guinea.
        Flag.ZERO_POSITION: max(abs(fix.lon_e7), abs(fix.lat_e7)) <= rule.zero_within_e7,
        Flag.POOR_ACCURACY: _is_poor(fix, rule),
        Flag.FEW_SATELLITES: (
            fix.satellites is not None and fix.satellites < rule.least_satellites
        ),
    }
    found = tuple(doubt.value for doubt, holds in doubts.items() if holds)
    new = tuple(doubt for doubt in found if doubt not in fix.flags)
    return replace(fix, flags=fix.flags + new) if new else fix


def _is_poor(fix: Fix, rule: ScreenRule) -> bool:
    if fix.h_acc_mm is not None:
        return fix.h_acc_mm > rule.most_h_acc_mm
    return fix.hdop_c is not None and fix.hdop_c > rule.most_hdop_c
