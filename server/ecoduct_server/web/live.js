import { alertStream, health } from "./api.js";

const LONGEST_WAIT_MS = 30_000;
const PULSE_MS = 20_000;

/**
 * Keeps the page joined to the server, and joins it again after every break.
 *
 * @param {object} on
 *   `join(): lastEventId` loads the page anew before each listening,
 *   `health(h)`, `alert(alert)`, `fixes(animals)`, `state("online" | "degraded" | "reconnecting")`.
 */
export function live(on) {
  let stream = null;
  let lastEventId = 0;
  let wait = 1000;
  let timer = 0;
  let joining = false;
  let well = "online";

  function hearHealth(told) {
    well = told.status === "ok" ? "online" : "degraded";
    on.health(told);
    if (stream?.readyState === EventSource.OPEN) on.state(well);
  }

  async function join() {
    if (joining) return;
    joining = true;
    try {
      hearHealth(await health());
      lastEventId = await on.join(lastEventId);
      open();
    } catch {
      lost();
    } finally {
      joining = false;
    }
  }

  function open() {
    stream = alertStream(lastEventId);
    stream.addEventListener("open", () => {
      wait = 1000;
      on.state(well);
    });
    stream.addEventListener("alert", (event) => {
      lastEventId = Number(event.lastEventId);
      on.alert(JSON.parse(event.data));
    });
    stream.addEventListener("fixes", (event) => on.fixes(JSON.parse(event.data).animals));
    // The browser's own retry gives up on some errors and never reloads the tracks.
    stream.addEventListener("error", lost);
  }

  function lost() {
    stream?.close();
    stream = null;
    on.state("reconnecting");
    clearTimeout(timer);
    timer = setTimeout(join, wait * (0.75 + Math.random() / 2));
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }

  // A link that dies quietly leaves the stream open for minutes; asking finds out.
  setInterval(() => stream && health().then(hearHealth).catch(lost), PULSE_MS);
  addEventListener("offline", () => stream && lost());
  addEventListener("online", () => {
    if (stream) return;
    clearTimeout(timer);
    join();
  });
  join();
}
