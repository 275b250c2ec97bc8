// The lobby: a table is set up, and each table's links are given out.

const at = (id) => document.getElementById(id);
const PERSON = "human";

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const link = (key) => `${location.origin}/?key=${encodeURIComponent(key)}`;

export const replay = (key) => `/replay?key=${encodeURIComponent(key)}`;

export class Lobby {
  constructor(send) {
    this.send = send;
    this.shown = false;
    at("game").onchange = () => this.describe([]);
    at("options").onchange = () => this.describe(this.options());
    at("open").onclick = () => this.open();
  }

  show(message) {
    at("lobby").hidden = false;
    this.games = message.games;
    if (!this.shown) {
      this.shown = true;
      at("game").replaceChildren(...message.games.map((game) => element("option", { textContent: game.id })));
      at("game").value = "KuhnPoker-v0";
      this.describe([]);
    }
    at("no-tables").hidden = message.tables.length > 0;
    at("tables").replaceChildren(...message.tables.map((table) => this.row(table)));
  }

  row(table) {
    const players = table.players.map((player, seat) =>
      `${table.agents[seat]}: ${player === PERSON ? (table.away.includes(seat) ? "a person, away" : "a person") : player}`);
    const row = element("li", {}, element("strong", { textContent: table.game }),
      element("span", { className: "quiet", textContent: `${table.state}; ${players.join(", ")}` }));
    for (const [seat, key] of Object.entries(table.seats)) {
      const name = table.agents[seat];
      row.append(element("a", { className: "button main", href: link(key), target: "_blank", rel: "noopener", textContent: `Sit down as ${name}` }));
      const copy = element("button", { textContent: `Copy the link of ${name}` });
      copy.onclick = async () => {
        try {
          await navigator.clipboard.writeText(link(key));
          copy.textContent = "Copied";
        } catch {
          copy.replaceWith(element("input", { value: link(key), readOnly: true, ariaLabel: `Link of ${name}` }));
        }
      };
      row.append(copy);
    }
    const mine = localStorage.getItem(`seat at ${table.id}`);
    if (mine) row.append(element("a", { className: "button main", href: `/${mine}`, target: "_blank", rel: "noopener", textContent: "Return to your seat" }));
    row.append(element("a", { className: "button", href: link(table.watch), target: "_blank", rel: "noopener", textContent: "Look on" }));
    if (table.state === "over") row.append(element("a", { className: "button", href: replay(table.watch), target: "_blank", rel: "noopener", textContent: "Watch it again" }));
    const close = element("button", { textContent: "Close" });
    close.onclick = () => this.send({ type: "close", table: table.id });
    row.append(close);
    return row;
  }

  options() {
    return [...at("options").querySelectorAll("input")].filter((input) => input.value.trim())
      .map((input) => `${input.name}=${input.value.trim()}`);
  }

  describe(options) {
    at("lobby-refused").textContent = "";
    at("summary").textContent = this.games.find((game) => game.id === at("game").value)?.summary ?? "";
    this.keep = options.length > 0;
    at("open").disabled = true;
    this.send({ type: "game", game: at("game").value, options });
  }

  hear(message) {
    if (message.type === "refused") at("lobby-refused").textContent = message.why;
    if (message.type === "opened") at("lobby-refused").textContent = "";
    if (message.type !== "game" || message.game !== at("game").value) return;
    at("open").disabled = false;
    const names = element("datalist", { id: "players" }, ...message.players.map((value) => element("option", { value })));
    const seats = message.agents.map((agent, seat) => {
      const input = element("input", { value: seat ? message.usual : PERSON });
      input.setAttribute("list", "players");
      const role = message.roles[seat] === "player" ? "" : ` (${message.roles[seat]})`;
      return element("label", {}, `${agent}${role}`, input);
    });
    at("seats").replaceChildren(...seats, names);
    if (this.keep) return;
    at("options").replaceChildren(...Object.entries(message.options).map(([name, value]) =>
      element("label", {}, name, element("input", { name, placeholder: value }))));
  }

  open() {
    const players = [...at("seats").querySelectorAll("input")].map((input) => input.value.trim());
    at("lobby-refused").textContent = "";
    this.send({ type: "open", game: at("game").value, options: this.options(), players });
  }
}
