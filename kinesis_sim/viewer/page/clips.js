// The clips of the motion library: search, and play one.
"use strict";

K.CLIPS_SHOWN = 40;

K.Clips = class {
  constructor({ byId, send }) {
    Object.assign(this, { byId, send, clips: [], kicks: [], kicked: 0 });
    byId("clip").addEventListener("input", () => this.list());
    byId("kick").addEventListener("click", () => { const kick = this.kicks[this.kicked++ % this.kicks.length]; send("play", { text: kick }); });
  }

  setScene({ clips }) {
    this.clips = clips?.list || [];
    this.kicks = this.clips.filter(([name, , content]) => /kick/i.test(`${name} ${content}`)).map(([name]) => name);
    this.byId("kick").hidden = !this.kicks.length;
    K.text(this.byId("clip-count"), this.clips.length ? `(${this.clips.length})` : "");
    this.byId("clip").hidden = !this.clips.length;
    this.problem = clips?.problem || "";
    this.list();
  }

  // Clips whose name or content holds every word.
  found() {
    const words = this.byId("clip").value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.clips.filter(([name, , content]) => words.every(word => `${name} ${content}`.toLowerCase().includes(word)));
  }

  list() {
    const found = this.found(), left = found.length - K.CLIPS_SHOWN;
    K.text(this.byId("clip-problem"), this.problem || (found.length ? left > 0 ? `${left} more: search to find them.` : "" : "No clip has this in its name."));
    this.byId("clips").replaceChildren(...found.slice(0, K.CLIPS_SHOWN).map(([name, seconds, content]) => {
      const row = document.createElement("li"), button = document.createElement("button"), text = document.createElement("span"), facts = document.createElement("span");
      text.textContent = name;
      facts.textContent = `${seconds.toFixed(1)} s${content && !name.includes(content) ? ` · ${content}` : ""}`;
      facts.className = "quiet number";
      button.textContent = "Play";
      button.setAttribute("aria-label", `Play ${name}`);
      button.addEventListener("click", () => this.send("play", { text: name }));
      row.append(text, facts, button);
      return row;
    }));
  }
};
