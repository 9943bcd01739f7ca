// Velocity with a dead-man: it is sent ten times a second while a key or a button of the pad is held, and zero when the hand,
// the focus or the page is gone. When even that zero cannot arrive, the viewer node ends the velocity by itself.
"use strict";

K.TURN = 0.6;
K.KEYS = { ArrowUp: [1, 0, 0], ArrowDown: [-1, 0, 0], ArrowLeft: [0, 0, 1], ArrowRight: [0, 0, -1] };

K.Drive = class {
  constructor({ byId, send }) {
    Object.assign(this, { send, enabled: true, held: new Map(), speed: () => Number(byId("speed").value), timer: null });
    for (const button of document.querySelectorAll("[data-move]")) this.watch(button);
    window.addEventListener("keydown", event => this.onKey(event));
    window.addEventListener("keyup", event => this.release(event.key));
    for (const name of ["blur", "pagehide"]) window.addEventListener(name, () => this.releaseAll());
    document.addEventListener("visibilitychange", () => { if (document.hidden && this.enabled) { this.releaseAll(); this.send("control", { on: false }); } });
  }

  watch(button) {
    const move = button.dataset.move.split(" ").map(Number);
    button.addEventListener("pointerdown", event => { button.setPointerCapture(event.pointerId); this.hold(button, move); });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, () => this.release(button));
    button.addEventListener("keydown", event => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); this.hold(button, move); } });
    button.addEventListener("keyup", () => this.release(button));
    button.addEventListener("contextmenu", event => event.preventDefault());
  }

  onKey(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "") && document.activeElement.type !== "checkbox";
    if (!this.enabled || !(event.key in K.KEYS) || typing || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const [x, , yaw] = K.KEYS[event.key];
    this.hold(event.key, event.shiftKey && yaw ? [0, yaw, 0] : [x, 0, yaw]);
  }

  hold(what, move) {
    const known = this.held.has(what);
    this.held.set(what, move);
    what.classList?.add("held");
    if (!known) this.tell();
    this.timer ??= setInterval(() => this.tell(), 100);
  }

  release(what) {
    if (!this.held.delete(what)) return;
    what.classList?.remove("held");
    this.tell();
    if (!this.held.size) { clearInterval(this.timer); this.timer = null; }
  }

  releaseAll() { for (const what of [...this.held.keys()]) this.release(what); }

  tell() {
    const sum = [0, 0, 0];
    for (const move of this.held.values()) move.forEach((v, i) => { sum[i] = Math.min(Math.max(sum[i] + v, -1), 1); });
    const speed = this.speed();
    this.send("velocity", { x: sum[0] * speed * (sum[0] < 0 ? 0.5 : 1), y: 0.4 * sum[1] * speed, yaw: K.TURN * sum[2] });
  }
};
