"""What a capture holds, as JSON: the steps of the gateway, with a screen instead of a disk."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import Heard, Outcome, PortDecoder, Refused, Source
from ecoduct_edge.framing import Deframer
from ecoduct_edge.gateway import STEPS, Lane, take
from ecoduct_edge.ports import read_chunks
from ecoduct_edge.screen import ScreenRule
from ecoduct_edge.settings import PortSettings
from ecoduct_wire.clock import Clock
from ecoduct_wire.messages import Fix, as_json


def decode_capture(
    port: PortSettings, *, clock: Clock, show: Callable[[str], None]
) -> dict[str, int]:
    """Show each message and each refusal of a capture as a line of JSON; returns the counters."""
    counters = Counters()
    source = Source(port=port.name, device=port.device)
    lane = Lane(
        port.name,
        Deframer(port.format),
        PortDecoder(source),
        ScreenRule(earliest_ms=source.earliest_ms),
        counters,
        keep=lambda _: None,
    )
    chunks = read_chunks(port, counters=counters, clock=clock, stop=threading.Event())
    for chunk in chunks:
        for outcome in take(lane, chunk, steps=STEPS[:-1]):
            if found := _as_json(outcome):
                show(json.dumps(found, ensure_ascii=False))
    return counters.snapshot()


def _as_json(outcome: Outcome) -> dict[str, Any] | None:
    if isinstance(outcome, Heard):
        raw = b64encode(outcome.reception.raw).decode()
        name = "fix" if isinstance(outcome.body, Fix) else "status"
        return {name: as_json(outcome.body), "heard": as_json(outcome.reception) | {"raw": raw}}
    if isinstance(outcome, Refused):
        found = as_json(outcome) | {"raw": outcome.raw.hex()}
        found.pop("frames")
        return {"refused": found}
    return None
