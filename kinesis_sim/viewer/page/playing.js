// The bar under the picture when the server plays a recording: play, pause, place and speed. One place in time for all pages.
"use strict";

K.Playing = class {
  constructor({ byId, send }) {
    Object.assign(this, { byId, send, now: null, drags: 0 });
    const slider = byId("player-at");
    byId("player-play").addEventListener("click", () => { if (this.now) this.toggle(); });
    slider.addEventListener("input", () => {
      if (!this.now) return;
      this.drags = performance.now() + 400;  // reports that were on their way do not pull it back
      send("seek", { to: Number(slider.value) });
      this.tell(Number(slider.value));
    });
    byId("player-speed").addEventListener("change", event => send("time", { factor: Number(event.target.value) }));
    window.addEventListener("keydown", event => this.onKey(event));
  }

  toggle() { this.send("pause", { on: this.now.playing }); }

  onKey(event) {
    if (!this.now || event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA|BUTTON|A)$/.test(document.activeElement?.tagName || "")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === " ") this.toggle();
    else if (step) this.send("seek", { to: Math.min(Math.max(this.now.at + step, 0), this.now.length) });
    else return;
    event.preventDefault();
  }

  show(playback) {
    const { byId } = this;
    this.now = playback;
    byId("player").hidden = byId("player-speed").hidden = false;
    K.text(byId("player-play"), playback.playing ? "Pause" : "Play");
    byId("player-at").max = playback.length;
    if (document.activeElement !== byId("player-speed")) byId("player-speed").value = String(playback.speed);
    if (performance.now() < this.drags) return;
    byId("player-at").value = playback.at;
    this.tell(playback.at);
  }

  tell(at) { K.text(this.byId("player-time"), `${at.toFixed(1)} of ${this.now.length.toFixed(1)} s`); }
};
