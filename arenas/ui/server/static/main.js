// Opens the connection that the key of this page's link allows, and keeps it open.

import { Lobby } from "./lobby.js";
import { Table } from "./table.js";

const PAUSES = [300, 700, 1500, 3000, 5000]; // ms between attempts to connect again
const key = new URLSearchParams(location.search).get("key") ?? "";
const banner = document.getElementById("banner");
let socket;
let attempts = 0;
let ended = false;

const send = (request) => {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(request));
  return true;
};
const lobby = new Lobby(send);
const table = new Table(send);

function say(text) {
  banner.textContent = text;
  banner.hidden = !text;
}

function receive(event) {
  if (typeof event.data !== "string") return table.paint(event.data);
  const message = JSON.parse(event.data);
  if (message.type === "gone") {
    ended = true;
    say(message.why);
  } else if (message.type === "view") {
    table.show(message);
  } else if (message.type === "lobby") {
    lobby.show(message);
  } else {
    (table.shown ? table : lobby).hear(message);
  }
}

function connect() {
  socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws?key=${encodeURIComponent(key)}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { attempts = 0; say(""); };
  socket.onmessage = receive;
  socket.onclose = (event) => {
    if (ended || event.code === 4403) return say(banner.textContent || event.reason || "The connection was closed.");
    say("The connection is lost; trying again. The match is kept.");
    setTimeout(connect, PAUSES[Math.min(attempts++, PAUSES.length - 1)]);
  };
}

connect();
