import { WORDS } from "./words.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * The server's clock, carried on from its last answer. A demonstration's clock
 * runs faster than the wall's, so ages are told by this one only.
 */
export function createClock() {
  let shown = Date.now();
  let rate = 1;
  let taken = performance.now();
  return {
    set(health) {
      shown = Date.parse(health.now);
      rate = health.clock_rate ?? 1;
      taken = performance.now();
    },
    now: () => shown + (performance.now() - taken) * rate,
    rate: () => rate,
  };
}

/** A length of time in one unit: `12 min`, `3 h`, `5 d`. */
export function span(seconds) {
  if (seconds < HOUR) return `${Math.max(1, Math.round(seconds / MINUTE))} min`;
  if (seconds < 2 * DAY) return `${Math.round(seconds / HOUR)} h`;
  return `${Math.round(seconds / DAY)} d`;
}

export function relative(iso, now) {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (Math.abs(seconds) < MINUTE) return WORDS.now;
  return seconds > 0 ? WORDS.ago(span(seconds)) : WORDS.ahead(span(-seconds));
}

/** `2014-03-01 00:00 UTC`. */
export function utc(moment) {
  return `${new Date(moment).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
