import * as api from "./api.js";
import { WORDS } from "./words.js";

// A row that leaves at once moves the next one under a finger about to tap again.
const LINGER_MS = 15_000;

/** The alerts this page knows, and what the reader asked of them. Calls `changed()` after each change. */
export function createAlerts(changed) {
  const byId = new Map();
  const asked = new Map();
  const leaving = new Map();

  function put(alert) {
    const before = byId.get(alert.id);
    if (before?.status === "open" && alert.status !== "open") {
      leaving.set(alert.id, performance.now() + LINGER_MS);
    }
    byId.set(alert.id, alert);
  }

  async function ask(id, action) {
    if (asked.get(id)?.sending) return;
    asked.set(id, { action, sending: true });
    changed();
    try {
      await api[action](id);
      asked.delete(id);
      put({ ...byId.get(id), status: action === "acknowledge" ? "acknowledged" : "open" });
    } catch (error) {
      asked.set(id, { action, sending: false, error: told(error) });
    }
    changed();
  }

  return {
    ask,
    retry: (id) => ask(id, asked.get(id).action),
    asked: (id) => asked.get(id),
    unsent: () => [...asked.values()].some(({ sending, error }) => sending || error),
    put(alert) {
      put(alert);
      changed();
    },
    putAll(alerts) {
      alerts.forEach(put);
      changed();
    },
    clear: () => byId.clear(),
    open: () => [...byId.values()].filter(isOpen),
    /** Newest first. `held(id)` keeps a settled row that the reader is still on. */
    list(view, held = () => false) {
      const now = performance.now();
      const stays = (alert) =>
        view === "all" || isOpen(alert) || asked.has(alert.id) ||
        (leaving.has(alert.id) && (leaving.get(alert.id) > now || held(alert.id)));
      return [...byId.values()].filter(stays).sort((a, b) => b.id - a.id);
    },
  };
}

export function isOpen({ status }) {
  return status === "open";
}

function told(error) {
  return error instanceof api.Refused
    ? WORDS.refused(error.message, error.remedy)
    : WORDS.noConnection;
}
