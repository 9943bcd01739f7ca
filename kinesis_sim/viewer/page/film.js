// Keeps frames while the button is pressed, and saves them with the page itself as one HTML file that needs no server.
"use strict";

K.FILM_MOST = 6000;  // frames; about two and a half minutes at 40 a second

K.toText = buffer => {
  const bytes = new Uint8Array(buffer), parts = [];
  for (let i = 0; i < bytes.length; i += 32768) parts.push(String.fromCharCode(...bytes.subarray(i, i + 32768)));
  return btoa(parts.join(""));
};
K.fromText = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;

K.save = (name, kind, content) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

K.Film = class {
  constructor() { Object.assign(this, { scene: null, frames: null }); }
  get runs() { return this.frames !== null; }
  start() { this.frames = []; }
  add(buffer) { if (this.runs && this.frames.length < K.FILM_MOST) this.frames.push(buffer); }

  async finish() {
    const frames = this.frames;
    this.frames = null;
    if (!this.scene || !frames.length) throw new Error("there was nothing to save");
    const read = async name => (await fetch(name)).text();
    let page = await read("index.html");
    const files = [...page.matchAll(/<script src="([^"]+)"><\/script>/g)].map(match => match[1]);
    const script = async name => `<script>\n${(await read(name)).replaceAll("</script", "<\\/script")}\n</script>`;
    const style = await read("style.css"), scripts = await Promise.all(files.map(script));
    const data = JSON.stringify({ scene: K.toText(this.scene), frames: frames.map(K.toText) });
    // The scripts come in last, because they hold these same marks.
    page = page.replace('<link rel="icon" href="icon.svg">', "").replace('<link rel="stylesheet" href="style.css">', () => `<style>${style}</style>`);
    page = page.replace("</body>", () => `<script type="application/json" id="film-data">${data}</script>\n</body>`);
    files.forEach((name, i) => { page = page.replace(`<script src="${name}"></script>`, () => scripts[i]); });
    K.save(`kinesis-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.html`, "text/html", page);
    return frames.length;
  }
};

// Plays a film that this file holds; replaces the connection.
K.Player = class {
  constructor(data, { byId, onScene, onFrame }) {
    this.frames = data.frames.map(K.fromText);
    onScene(K.fromText(data.scene));
    Object.assign(this, { at: 0, playing: true, onFrame });
    this.times = this.frames.map(frame => new Float64Array(frame, 0, 1)[0]);
    this.begun = performance.now() / 1000;
    const slider = byId("player-at"), button = byId("player-play");
    slider.max = this.frames.length - 1;
    byId("player").hidden = false;
    slider.addEventListener("input", () => { this.playing = false; button.textContent = "Play"; this.show(Math.round(Number(slider.value))); });
    button.addEventListener("click", () => {
      this.playing = !this.playing;
      button.textContent = this.playing ? "Pause" : "Play";
      this.begun = performance.now() / 1000 - (this.times[this.at] - this.times[0]);
    });
    this.slider = slider;
  }

  show(at) { this.at = at; this.onFrame(this.frames[at]); }

  tick() {
    if (!this.playing) return;
    const length = this.times[this.times.length - 1] - this.times[0] || 1, now = this.times[0] + (performance.now() / 1000 - this.begun) % length;
    let next = this.times.findIndex(time => time >= now);
    next = next < 0 ? this.frames.length - 1 : next;
    if (next !== this.at) { this.show(next); this.slider.value = next; }
  }
};
