// One stream of events for all tabs of this browser: a browser opens only six connections to a server. A SharedWorker
// runs this; where there is none, a page runs it for itself. Hidden tabs let go, and the last one ends the stream.
const FIRST_MS = 1000, LONGEST_MS = 30000;

export class Hub {
  constructor(open = (address) => new EventSource(address)) {
    this.open = open; this.ports = new Set(); this.state = null; this.source = null; this.wait_ms = FIRST_MS;
    this.timer = null; this.ended = false;
  }

  join(port) {
    this.ports.add(port);
    if (this.state) port.postMessage({ now: whole(this.state) });
    this.connect();
  }

  leave(port) {
    this.ports.delete(port);
    if (this.ports.size === 0) this.close();
  }

  close() {
    clearTimeout(this.timer); this.timer = null;
    if (this.source) { this.source.close(); this.source = null; }
  }

  connect() {
    if (this.source || this.timer || this.ended || this.ports.size === 0) return;
    const since = this.state ? this.state.version : "";
    const source = this.source = this.open(`/live?since=${encodeURIComponent(since)}`);
    source.onmessage = (event) => {
      this.wait_ms = FIRST_MS;
      const news = JSON.parse(event.data);
      this.state = merged(this.state, news);
      for (const port of this.ports) port.postMessage({ now: news });
    };
    source.onopen = () => this.tell({ line: "open" });
    source.onerror = () => this.failed(source);
  }

  failed(source) {
    // Closed by the browser itself: the server said that there is no more, with 204, or refused.
    this.ended = source.readyState === EventSource.CLOSED;
    this.close();
    this.tell({ line: this.ended ? "ended" : "lost" });
    if (this.ended) return;
    this.timer = setTimeout(() => { this.timer = null; this.connect(); }, this.wait_ms * (0.5 + Math.random()));
    this.wait_ms = Math.min(this.wait_ms * 2, LONGEST_MS);
  }

  tell(message) { for (const port of this.ports) port.postMessage(message); }
}

// State holds streams as a Map by key; what goes over a port holds them as rows.
export function merged(state, news) {
  const streams = news.streams.whole || !state ? new Map() : state.streams.by;
  for (const row of news.streams.rows) streams.set(row.slice(0, 3).join("\t"), row);
  return { ...news, streams: { columns: news.streams.columns, by: streams } };
}

export function whole(state) {
  return { ...state, streams: { whole: true, columns: state.streams.columns, rows: [...state.streams.by.values()] } };
}

if (typeof SharedWorkerGlobalScope !== "undefined" && self instanceof SharedWorkerGlobalScope) {
  const hub = new Hub();
  self.onconnect = (event) => {
    const port = event.ports[0];
    port.onmessage = ({ data }) => {
      if (data.join) hub.join(port);
      else hub.leave(port);
    };
  };
}
