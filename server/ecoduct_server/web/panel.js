import { isOpen } from "./alerts.js";
import { colourOf, severityOf, shapeElement } from "./shapes.js";
import { relative, span, utc } from "./time.js";
import { WORDS } from "./words.js";

/**
 * The list beside the map. Rows are kept and changed in place, so that a reader's
 * focus and place survive an alert that comes in.
 *
 * @param {object} page
 *   `alerts`, `clock`, `animals()`, `show(place)`, `hasOlder(view)`,
 *   `older(view)`, `viewed(view)` when the reader turns to a view.
 */
export function createPanel(page) {
  const byId = (id) => document.getElementById(id);
  const [list, empty, older, count] = ["list", "empty", "older", "open-count"].map(byId);
  const buttons = [...document.querySelectorAll("[data-view]")];
  const rows = new Map();
  let view = "open";

  function look(next) {
    view = next;
    rows.clear();
    list.replaceChildren();
    page.viewed(view);
    render();
  }

  function render() {
    const open = page.alerts.open().length;
    count.textContent = open ? `${open}${page.hasOlder("open") ? "+" : ""}` : "";
    document.title = open ? WORDS.openTitle(open) : WORDS.title;
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.view === view);
    const wanted = view === "animals" ? animalRows() : alertRows();
    arrange(list, wanted);
    empty.hidden = wanted.length > 0;
    empty.textContent = { open: WORDS.emptyOpen, all: WORDS.emptyAll, animals: WORDS.emptyAnimals }[view];
    older.hidden = !page.hasOlder(view);
  }

  function row(key, make) {
    if (!rows.has(key)) rows.set(key, make());
    return rows.get(key);
  }

  function alertRows() {
    const held = (id) => rows.get(id)?.element.matches(":hover, :focus-within") ?? false;
    return page.alerts.list(view, held).map((alert) => {
      const made = row(alert.id, () => alertRow(alert.id, page));
      made.fill(alert);
      return made.element;
    });
  }

  function animalRows() {
    return page.animals().map((animal) => {
      const made = row(animal.name, () => animalRow(animal.name, page));
      made.fill(animal);
      return made.element;
    });
  }

  for (const button of buttons) button.addEventListener("click", () => look(button.dataset.view));
  older.addEventListener("click", () => page.older(view));
  render();
  return {
    render,
    reveal(id) {
      if (view === "animals") look("open");
      const found = rows.get(id)?.element;
      found?.scrollIntoView({ block: "nearest" });
      found?.querySelector("button").focus();
    },
  };
}

function alertRow(id, { alerts, clock, show }) {
  const shape = make("span", "shape");
  const text = make("strong", "text");
  const animal = make("span", "animal");
  const time = make("time", "");
  const badge = make("span", "badge");
  const settled = make("span", "settled");
  const go = make("button", "go", shape, make("span", "lines", text, make("span", "meta", animal, time, badge, settled)));
  const act = make("button", "act");
  const failure = make("p", "failure");
  const element = make("li", "alert", go, act, failure);
  let shown = null;
  go.addEventListener("click", () => shown.lon != null && show([shown.lon, shown.lat]));
  act.addEventListener("click", () => {
    if (alerts.asked(id)?.error) alerts.retry(id);
    else alerts.ask(id, isOpen(shown) ? "acknowledge" : "reopen");
  });

  function fill(alert) {
    shown = alert;
    const severity = severityOf(alert);
    if (element.dataset.severity !== severity) {
      element.dataset.severity = severity;
      shape.replaceChildren(shapeElement(severity), make("span", "unseen", WORDS.severity[severity]));
    }
    element.dataset.status = alert.status;
    text.textContent = alert.text;
    animal.textContent = alert.animal;
    animal.style.setProperty("--own", colourOf(alert.animal));
    time.textContent = relative(alert.happened_at, clock.now());
    time.dateTime = alert.happened_at;
    time.title = utc(alert.happened_at);
    badge.hidden = !alert.late;
    badge.textContent = WORDS.late(span(alert.age_s ?? 0));
    badge.title = WORDS.lateHint(span(alert.age_s ?? 0));
    settled.textContent = settledWord(alert);
    settled.hidden = !settled.textContent;
    fillAct(act, failure, alert, alerts.asked(id));
  }
  return { element, fill };
}

function settledWord({ status, acknowledged_by: by }) {
  if (status === "withdrawn") return WORDS.withdrawn;
  return status === "acknowledged" && by ? WORDS.acknowledgedBy(by) : "";
}

function fillAct(act, failure, alert, asked) {
  const word = asked?.error ? WORDS.retry : isOpen(alert) ? WORDS.acknowledge : WORDS.undo;
  act.hidden = alert.status === "withdrawn";
  act.textContent = asked?.sending ? "…" : { [WORDS.acknowledge]: "✓", [WORDS.undo]: "↩" }[word] ?? word;
  act.title = asked?.sending ? WORDS.sending : word;
  act.setAttribute("aria-label", `${act.title}: ${alert.text}`);
  act.setAttribute("aria-busy", String(Boolean(asked?.sending)));
  failure.hidden = !asked?.error;
  failure.textContent = asked?.error ? `${WORDS.notSent}: ${asked.error}.` : "";
}

function animalRow(name, { clock, show }) {
  const label = make("strong", "text animal", name);
  const time = make("time", "");
  const species = make("span", "species");
  const go = make("button", "go", make("span", "lines", label, make("span", "meta", species, time)));
  let place = null;
  label.style.setProperty("--own", colourOf(name));
  go.addEventListener("click", () => show(place));
  function fill(animal) {
    place = animal.place;
    species.textContent = animal.species ?? "";
    time.textContent = relative(animal.lastFixedAt, clock.now());
    time.dateTime = animal.lastFixedAt;
    time.title = utc(animal.lastFixedAt);
  }
  return { element: make("li", "animal-row", go), fill };
}

/** Puts the wanted children in order, touching only those that are not in place. */
function arrange(list, wanted) {
  const keep = new Set(wanted);
  for (const child of [...list.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, k) => {
    if (list.children[k] !== child) list.insertBefore(child, list.children[k] ?? null);
  });
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button";
  element.className = className;
  element.append(...children);
  return element;
}
