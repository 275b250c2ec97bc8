// A table: the picture, whose turn it is, scores, what was said, and the end.

import { Controls } from "./controls.js";
import { element, replay } from "./lobby.js";

const SMALL = 0.7; // a picture that is shown smaller can be enlarged
const READABLE = 0.5; // beside one that is shown smaller stands the situation in words
const FEW = 4; // more seats than this stand beside the picture rather than above it

const at = (id) => document.getElementById(id);
const signed = (total) => (total > 0 ? "+" : "") + Number(total.toFixed(3));

export class Table {
  constructor(send) {
    this.send = send;
    this.shown = false;
    this.painted = 0;
    this.lines = 0;
    this.controls = new Controls((request) => this.ask(request));
    at("hint").onclick = () => this.ask({ type: "hint" });
    at("again").onclick = () => this.ask({ type: "again" });
    at("large").onclick = () => {
      const large = at("board").classList.toggle("large");
      at("large").textContent = large ? "Fit the picture" : "Enlarge the picture";
    };
    new ResizeObserver(() => this.fit()).observe(at("picture-room"));
  }

  ask(request) {
    at("refused").textContent = this.send(request) ? "" : "There is no connection; nothing was sent.";
    if (request.type !== "hint") at("hinted").textContent = "";
  }

  hear(message) {
    if (message.type === "refused") at("refused").textContent = message.why;
    if (message.type === "hint") at("hinted").textContent = `An exact player: ${message.hint}`;
  }

  // What depends on the size at which the picture is shown.
  fit() {
    this.controls.fit();
    const scale = this.size ? at("picture-frame").clientWidth / this.size[0] : 1;
    at("large").hidden = scale >= SMALL && !at("board").classList.contains("large");
    if (!this.opened && this.size && scale < READABLE) at("words").open = this.opened = true;
  }

  // Draws a PNG; of two that come fast upon each other the later one stays.
  async paint(data) {
    const turn = ++this.painted;
    const picture = await createImageBitmap(new Blob([data], { type: "image/png" }));
    if (turn < this.painted) return;
    const canvas = at("picture");
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d").drawImage(picture, 0, 0);
    canvas.dataset.painted = turn;
  }

  show(view) {
    this.shown = true;
    at("table").hidden = false;
    at("table").dataset.step = view.step;
    const mine = view.awaited.includes(view.seat);
    at("title").textContent = view.game.replace(/^selfplay\//, "");
    at("board").hidden = !view.picture;
    at("words").open ||= !view.picture;
    this.size = view.picture;
    if (view.picture) {
      document.documentElement.style.setProperty("--w", view.picture[0]);
      document.documentElement.style.setProperty("--h", view.picture[1]);
    }
    at("status").textContent = this.status(view, mine);
    at("status").className = mine ? "mine" : "";
    document.title = mine && !view.tick ? "Your turn - arenas" : "arenas";
    at("scores").replaceChildren(...view.agents.map((agent, seat) => {
      const who = seat === view.seat ? "you" : view.names[seat];
      const away = view.away.includes(seat) ? ", away" : "";
      const awaited = view.awaited.includes(seat) && !view.tick ? "awaited" : "";
      return element("li", { className: awaited }, `${agent} (${who}${away}) `, element("b", { textContent: signed(view.totals[seat]) }));
    }));
    const many = view.agents.length > FEW;
    at("many").hidden = !many;
    (many ? at("many") : document.querySelector("#table > header")).append(at("scores"));
    this.log(view);
    at("heard").hidden = view.log.length === 0;
    at("told").textContent = view.told;
    at("brief").textContent = view.brief;
    at("rules").hidden = !view.brief;
    at("end").hidden = !view.over;
    at("end").textContent = view.failure || view.farewell;
    at("replay").hidden = !view.over || Boolean(view.failure);
    at("replay").href = replay(new URLSearchParams(location.search).get("key"));
    at("again").hidden = !view.over || view.seat === null;
    at("hint").hidden = !(view.hints && mine);
    this.controls.show(view);
    this.fit();
    at("controls").hidden = view.seat === null && !view.over && at("large").hidden;
    if (view.seat !== null) localStorage.setItem(`seat at ${view.table}`, location.search);
  }

  status(view, mine) {
    if (view.failure) return "Broken off";
    if (view.over) return "Over";
    if (!view.started) return `Waiting for ${view.away.map((seat) => view.agents[seat]).join(", ") || "the start"}`;
    if (view.tick) return `Step ${view.step / view.agents.length}`;
    if (mine) return "Your turn";
    return view.awaited.length ? `Waiting for ${view.awaited.map((seat) => view.agents[seat]).join(", ")}` : "One moment";
  }

  log(view) {
    const log = at("log");
    const low = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
    log.replaceChildren(...view.log.map(([agent, text]) => element("li", {},
      element("b", { textContent: agent === view.agents[view.seat] ? "you" : agent }), text)));
    if (low) log.scrollTop = log.scrollHeight;
  }
}
