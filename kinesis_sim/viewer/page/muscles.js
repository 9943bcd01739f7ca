// The list of muscles: the strongest, or those that a search finds; a press highlights and plots one.
"use strict";

K.MOST_PICKED = 6;
K.MUSCLES_SHOWN = 24;
K.RANK_MS = 3000;
K.MEAN_S = 3;

// How strongly each muscle has pulled lately: the mean tension [N], in which three seconds ago counts a third. In a step every muscle is the
// strongest for a moment; ranked by their mean, the list can be read.
K.Pull = class {
  constructor() { this.mean = null; }

  add(frame) {
    const lasted = frame.time - this.time;
    if (this.mean?.length !== frame.tension.length || lasted < 0) this.mean = Float32Array.from(frame.tension);
    else { const share = 1 - Math.exp(-lasted / K.MEAN_S); frame.tension.forEach((tension, m) => { this.mean[m] += share * (tension - this.mean[m]); }); }
    this.time = frame.time;
  }

  // Muscles by their mean, the strongest first; ranked anew only every few seconds, so that rows and plots can be read.
  ranked(busy = false) {
    if (!this.order || this.order.length !== this.mean.length || (performance.now() > this.until && !busy)) {
      this.order = [...this.mean.keys()].sort((a, b) => this.mean[b] - this.mean[a]);
      this.until = performance.now() + K.RANK_MS;
    }
    return this.order;
  }
};

K.MuscleList = class {
  constructor({ byId, onPick }) {
    Object.assign(this, { byId, onPick, names: [], picked: [], listed: "" });
    byId("search").addEventListener("input", () => { this.listed = ""; });
  }

  setScene(scene) {
    Object.assign(this, { names: scene.muscles, palette: K.palette(scene.colours), listed: "", picked: this.picked.filter(m => m < scene.muscles.length) });
  }

  // Called a few times a second.
  show(frame, pull) {
    const { byId, names } = this, list = byId("muscles"), words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    if (byId("page-muscles").hidden) return;
    const busy = list.matches(":hover") || list.contains(document.activeElement);  // never reordered under a hand
    const found = words.length ? names.map((_, m) => m).filter(m => words.every(word => names[m].toLowerCase().includes(word))) : pull.ranked(busy);
    const hidden = Math.max(found.length - K.MUSCLES_SHOWN, 0), more = words.length && hidden ? `, the first ${K.MUSCLES_SHOWN} are shown` : "";
    K.text(byId("found"), words.length ? `${found.length} of ${names.length} muscles found${more}` : "The strongest of the last seconds. Press one to highlight and plot it.");
    this.list([...this.picked, ...found.filter(m => !this.picked.includes(m))].slice(0, K.MUSCLES_SHOWN));
    for (const row of list.children) {
      const m = Number(row.dataset.muscle), bar = row.querySelector("b");
      bar.style.width = `${(100 * frame.activation[m]).toFixed(0)}%`;
      bar.style.background = K.css(this.palette, frame.activation[m]);
      K.text(row.querySelector(".number"), `${pull.mean[m].toFixed(0)} N`);
    }
  }

  list(shown) {
    const key = shown.join();
    if (this.listed === key) return;
    this.listed = key;
    this.byId("muscles").replaceChildren(...shown.map(m => {
      const row = document.createElement("li"), button = document.createElement("button"), name = document.createElement("span");
      row.dataset.muscle = m;
      name.textContent = button.title = this.names[m];
      const bar = document.createElement("i"), force = document.createElement("span");
      bar.append(document.createElement("b"));
      force.className = "number";
      button.append(name, bar, force);
      button.setAttribute("aria-pressed", String(this.picked.includes(m)));
      button.addEventListener("click", () => this.pick(m));
      row.append(button);
      return row;
    }));
  }

  pick(m) {
    this.picked = this.picked.includes(m) ? this.picked.filter(other => other !== m) : [...this.picked, m].slice(-K.MOST_PICKED);
    this.listed = "";
    this.onPick(this.picked);
  }
};
