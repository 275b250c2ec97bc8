// Buttons, areas of the picture, forms and the keyboard. Every control sends a reply.

import { element } from "./lobby.js";

const at = (id) => document.getElementById(id);
const FINGER = 28; // an area that is shown lower than so many pixels gets a button of its own as well
const OPEN = 2; // of more forms than this one at a time is open
const RADIO = 6; // more choices than this make a list that opens
const KEYS = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", " ": "space", Enter: "return" };

export class Controls {
  constructor(ask) {
    this.sent = false;
    this.ask = (request) => { this.sent = true; ask(request); };
    this.drawn = "";
    this.buttons = [];
    this.held = null; // under a clock, the key that is held down
    addEventListener("keydown", (event) => this.down(event));
    addEventListener("keyup", (event) => { if (this.held === this.name(event)) this.held = null; });
    addEventListener("blur", () => { this.held = null; });
  }

  show(view) {
    const now = JSON.stringify([view.controls, view.picture]);
    this.tick = view.tick;
    this.buttons = view.controls.buttons;
    const moved = view.step !== this.step;
    this.step = view.step;
    if (this.held && moved) this.press(this.held);
    if (now === this.drawn && !(this.sent && moved && !view.tick)) return; // half filled in, it stays
    this.drawn = now;
    this.sent = false;
    this.size = view.picture;
    at("areas").replaceChildren(...this.buttons.filter((b) => b.area && view.picture).map((b) => this.area(b)));
    const forms = view.controls.forms.map((form) => this.form(form));
    at("forms").replaceChildren(...(forms.length > OPEN ? this.folded(view.controls.forms, forms) : forms));
    this.fit();
  }

  // Shows as plain buttons what stands on no picture, or too small on it.
  fit() {
    const scale = this.size ? at("picture-frame").clientHeight / this.size[1] : 0;
    const plain = this.buttons.filter((b) => !b.area || b.area[3] * scale < FINGER);
    const shown = JSON.stringify(plain);
    if (at("buttons").dataset.shown === shown) return;
    at("buttons").dataset.shown = shown;
    at("buttons").replaceChildren(...plain.map((b) => this.button(b)));
  }

  button(b) {
    const made = element("button", { textContent: b.label });
    made.dataset.reply = b.reply;
    if (b.key) made.append(element("kbd", { textContent: b.key }));
    made.onclick = () => this.ask({ type: "reply", text: b.reply });
    return made;
  }

  area(b) {
    const [x, y, width, height] = b.area;
    const [w, h] = this.size;
    const made = element("button", { ariaLabel: b.label, title: b.label });
    made.dataset.reply = b.reply;
    Object.assign(made.style, { left: `${100 * x / w}%`, top: `${100 * y / h}%`, width: `${100 * width / w}%`, height: `${100 * height / h}%` });
    made.onclick = () => this.ask({ type: "reply", text: b.reply });
    return made;
  }

  form(form) {
    const made = element("form", {}, ...form.fields.map((field) => this.field(form, field)),
      element("button", { className: "main", textContent: form.send }));
    made.dataset.form = form.name;
    made.onsubmit = (event) => {
      event.preventDefault();
      const values = {};
      for (const field of form.fields) {
        const value = made.elements[field.name].value;
        values[field.name] = field.kind === "number" ? Number(value) : value;
      }
      this.ask({ type: "fill", form: form.name, values });
    };
    return made;
  }

  // Each form behind its name; the one that was used last stays open.
  folded(descriptions, forms) {
    const known = descriptions.some((each) => each.name === this.unfolded);
    return descriptions.map((each, n) => {
      const fold = element("details", { name: "forms", open: known ? each.name === this.unfolded : n === 0 },
        element("summary", { textContent: each.send }), forms[n]);
      fold.ontoggle = () => { if (fold.open) this.unfolded = each.name; };
      return fold;
    });
  }

  field(form, field) {
    if (field.kind === "number") return this.number(field);
    if (field.kind === "choice") return this.choice(form, field);
    const lines = field.rows > 1;
    const input = element(lines ? "textarea" : "input", { name: field.name, value: field.start, maxLength: field.max_chars, autocomplete: "off", spellcheck: !lines });
    if (lines) input.rows = field.rows;
    else input.type = "text";
    return element("label", {}, field.label, input);
  }

  number(field) {
    const limits = { min: field.low, max: field.high, step: 1, value: field.start };
    const slider = element("input", { type: "range", ariaLabel: field.label, ...limits });
    const exact = element("input", { type: "number", name: field.name, required: true, ariaLabel: `${field.label}, exactly`, ...limits });
    slider.value = exact.value = field.start;
    slider.oninput = () => { exact.value = slider.value; };
    exact.oninput = () => { slider.value = exact.value; };
    const signs = field.below ? `below zero: ${field.below}, above: ${field.above}` : "";
    const note = [field.note, signs].filter(Boolean).join("; ");
    return element("div", { className: "number" }, element("span", {}, `${field.label} `, element("i", { textContent: note })), slider, exact);
  }

  choice(form, field) {
    if (field.options.length > RADIO) {
      const list = element("select", { name: field.name }, ...field.options.map(([value, label]) => element("option", { value, textContent: label })));
      list.value = field.start || field.options[0][0];
      return element("label", {}, field.label, list);
    }
    const start = field.start || field.options[0]?.[0];
    return element("fieldset", { className: "choices" }, element("legend", { textContent: field.label }), ...field.options.map(([value, label]) =>
      element("label", {}, element("input", { type: "radio", name: field.name, value, checked: value === start }), ` ${label}`)));
  }

  name(event) {
    return KEYS[event.key] ?? event.key.toLowerCase();
  }

  down(event) {
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("button, a, summary") && (event.key === "Enter" || (event.key === " " && !this.tick))) return;
    const key = this.name(event);
    if (!this.buttons.some((button) => button.key === key)) return;
    event.preventDefault();
    if (event.repeat) return;
    if (this.tick) this.held = key;
    this.press(key);
  }

  press(key) {
    const button = this.buttons.find((each) => each.key === key);
    if (button) this.ask({ type: "reply", text: button.reply });
  }
}
