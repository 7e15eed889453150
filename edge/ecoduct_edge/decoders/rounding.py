"""Exact rounding: text and integers to integers, never through floating point."""

import re

_NUMBER = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d{0,15}))?")


def divide(number: int, by: int) -> int:
    """Quotient to the nearest whole number, a half to the even one; ``by`` is above 0.

    >>> divide(25, 10), divide(35, 10), divide(-25, 10)
    (2, 4, -2)
    """
    whole, rest = divmod(number, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))


def read_number(text: str, *, times: int = 1, over: int = 1) -> int | None:
    """Decimal number in text, multiplied by ``times / over`` and rounded; None if it is none.

    >>> read_number("12.345", times=100), read_number("-0.5"), read_number("abc")
    (1234, 0, None)
    """
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    sign, whole, part = found[1], found[2], found[3] or ""
    scaled = divide(int(whole + part) * times, over * 10 ** len(part))
    return -scaled if sign == "-" else scaled
