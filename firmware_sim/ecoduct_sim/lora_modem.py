"""Lines that LoRa modems print for a frame they heard: docs/protocols/lora-modems.md."""


def reyax(payload: bytes, *, address: int, rssi_dbm: int, snr_db: int) -> bytes:
    """Line of a Reyax RYLR998; the payload stands in it as it is, whatever bytes it holds."""
    return b"+RCV=%d,%d,%b,%d,%d\r\n" % (address, len(payload), payload, rssi_dbm, snr_db)


def rak(payload: bytes, *, rssi_dbm: int, snr_db: int) -> bytes:
    """Line of a RAK3172 with RUI3; the payload is in upper-case hexadecimal."""
    return b"+EVT:RXP2P:%d:%d:%b\r\n" % (rssi_dbm, snr_db, payload.hex().upper().encode())
