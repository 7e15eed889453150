import { relative, utc } from "./time.js";
import { WORDS } from "./words.js";

const byId = (id) => document.getElementById(id);

/** Fills in the fixed words of index.html. */
export function sayWords() {
  for (const each of document.querySelectorAll("[data-word]")) {
    each.textContent = WORDS[each.dataset.word];
  }
  for (const each of document.querySelectorAll("[data-label]")) {
    each.setAttribute("aria-label", WORDS[each.dataset.label]);
  }
  sayState("connecting");
}

/** `connecting`, `online`, `degraded` or `reconnecting`. */
export function sayState(state) {
  const pill = byId("state");
  if (pill.dataset.state === state && pill.textContent) return;
  pill.dataset.state = state;
  pill.textContent = WORDS[state];
  pill.title = state === "degraded" ? WORDS.degradedHint : "";
}

/** The server's own time, shown when it does not run as the wall's does. */
export function sayClock(clock) {
  const note = byId("clock");
  note.hidden = clock.rate() === 1;
  if (!note.hidden) note.textContent = WORDS.simulated(clock.rate(), utc(clock.now()));
}

export function sayLastFix(fixedAt, clock) {
  const note = byId("last-fix");
  note.textContent = fixedAt ? WORDS.lastFix(relative(fixedAt, clock.now())) : "";
  note.title = fixedAt ? utc(fixedAt) : "";
}

/** A sentence above the list; an empty one takes it away. */
export function sayProblem(sentence) {
  const line = byId("problem");
  line.textContent = sentence;
  line.hidden = !sentence;
}

/** Told to screen readers only; others see the list change. */
export function announce(sentence) {
  byId("announcer").textContent = sentence;
}
