const PATIENCE_MS = 20_000;
const JSON_HEADERS = { accept: "application/json", "content-type": "application/json" };
const POST = { method: "POST", body: "{}" };

/** The server answered, and said no. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.remedy = problem.remedy ?? "";
  }
}

export const health = () => request("/health");
export const landscape = () => request("/api/landscape");
export const acknowledge = (id) => request(`/api/alerts/${id}/acknowledge`, POST);
export const reopen = (id) => request(`/api/alerts/${id}/reopen`, POST);

export function alerts({ status, before }) {
  const query = new URLSearchParams({ status });
  if (before) query.set("before", before);
  return request(`/api/alerts?${query}`);
}

export function tracks(animals = []) {
  const query = new URLSearchParams({ points: 300 });
  for (const animal of animals) query.append("animal", animal);
  return request(`/api/tracks?${query}`);
}

export function alertStream(lastEventId) {
  return new EventSource(`/api/alerts/stream?last_event_id=${lastEventId}`);
}

async function request(path, options) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(path, { signal, headers: JSON_HEADERS, ...options });
  if (response.ok) return response.json();
  throw new Refused(response.status, await response.json().catch(() => ({})));
}
