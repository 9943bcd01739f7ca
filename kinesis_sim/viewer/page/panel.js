// The panel beside the picture: buttons to orders, reports to text.
"use strict";

K.WATCHES = "This page watches: another one steers.";
K.aboutRecording = ({ problems, every }) => [...problems, ...(every > 1 ? [`A long recording: one state of ${every} is shown.`] : [])].join(" ");

K.Panel = class {
  constructor({ byId, send, onPick }) {
    Object.assign(this, { byId, send, onPick, scene: null, picked: [], paused: false, listed: "" });
    this.wireTabs();
    this.wireButtons();
    byId("search").addEventListener("input", () => { this.listed = ""; });
  }

  wireTabs() {
    const tabs = [...document.querySelectorAll("[role=tab]")];
    const choose = tab => tabs.forEach(other => {
      other.setAttribute("aria-selected", String(other === tab));
      this.byId(other.getAttribute("aria-controls")).hidden = other !== tab;
    });
    tabs.forEach((tab, i) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", event => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();  // between tabs an arrow does not drive
        const next = tabs[(i + step + tabs.length) % tabs.length];
        choose(next);
        next.focus();
      });
    });
  }

  wireButtons() {
    const { byId, send } = this, click = (id, action) => byId(id).addEventListener("click", action);
    const say = text => { byId("reply").textContent = "…"; send("say", { text }); };
    click("estop", () => send("trigger", { text: "estop" }));
    window.addEventListener("keydown", event => { if (event.key === "Escape") send("trigger", { text: "estop" }); });
    byId("say-form").addEventListener("submit", event => { event.preventDefault(); const text = byId("say").value.trim(); if (text) { say(text); byId("say").select(); } });
    for (const word of ["stand", "walk", "stop"]) click(word, () => say(word));
    for (const button of document.querySelectorAll("[data-trigger]")) button.addEventListener("click", () => send("trigger", { text: button.dataset.trigger }));
    for (const button of document.querySelectorAll("[data-push]")) button.addEventListener("click", () => {
      const [x, y] = button.dataset.push.split(" ").map(v => Number(v) * Number(byId("force").value));
      send("push", { x, y });
    });
    click("pause", () => send("pause", { on: !this.paused }));
    click("step", () => { if (!this.paused) send("pause", { on: true }); send("step", { ticks: 1 }); });
    click("restart", () => send("reset"));
    byId("pace").addEventListener("change", event => send("time", { factor: Number(event.target.value) }));
    const show = (slider, text) => byId(slider).addEventListener("input", () => { byId(`${slider}-value`).textContent = text(Number(byId(slider).value)); });
    show("speed", v => `${v.toFixed(1)} m/s`);
    show("force", v => `${v} N`);
  }

  setScene(scene) {
    const { byId } = this;
    this.scene = scene;
    this.listed = "";
    this.picked = this.picked.filter(m => m < scene.muscles.length);
    byId("body-name").textContent = `${scene.body} · ${scene.muscles.length} muscles`;
    const facts = { name: scene.body, muscles: scene.muscles.length, joints: scene.joints.length, mass: `${scene.mass.toFixed(1)} kg`, "standing height of the root": `${scene.height.toFixed(2)} m`,
      "foot regions": scene.contacts.join(", "), licence: scene.licence || "Apache-2.0" };
    K.fill(byId("facts"), facts);
    const { card, ...policy } = scene.policy || {};
    K.fill(byId("policy"), Object.keys(policy).length ? policy : { file: "not known to this page" });
    byId("card-box").hidden = !card;
    byId("card").textContent = card || "";
    this.drawLegend(K.palette(scene.colours));
  }

  drawLegend(palette) {
    const canvas = this.byId("legend-bar"), c = canvas.getContext("2d");
    for (let x = 0; x < canvas.width; x++) { c.fillStyle = K.css(palette, x / (canvas.width - 1)); c.fillRect(x, 0, 1, canvas.height); }
    this.palette = palette;
  }

  setStatus(s) {
    const { byId } = this, chip = byId("state"), state = s.state || "waiting";
    this.paused = Boolean(s.paused);
    K.text(chip, s.paused ? "paused" : state);
    chip.dataset.state = state;
    K.text(byId("mode"), s.mode || "");
    byId("pause").setAttribute("aria-pressed", String(this.paused));
    K.text(byId("pause"), this.paused ? "Go on" : "Pause");
    byId("pace").disabled = s.clock === "lockstep";
    byId("pace").title = s.clock === "lockstep" ? "In lock-step time passes as fast as the answers come" : "Simulated time against the clock on the wall";
    const notice = s.playback ? K.aboutRecording(s.playback) : s.held && !s.steers ? K.WATCHES : "";
    byId("holder").hidden = !notice;
    K.text(byId("holder"), notice);
    byId("simulation").hidden = s.simulated === false;
    this.setFaults(s.faults || []);
  }

  setFaults(faults) {
    const text = JSON.stringify(faults), list = this.byId("faults");
    if (list.dataset.of === text) return;
    list.dataset.of = text;
    list.replaceChildren(...(faults.length ? faults : [["none", 0, "Nothing has gone wrong.", ""]]).map(([name, count, meaning, advice]) => {
      const item = document.createElement("li"), strong = document.createElement("strong");
      strong.textContent = count ? `${name} × ${count}` : name;
      item.append(strong, document.createElement("br"), `${meaning} ${advice}`);
      return item;
    }));
  }

  // The strongest muscles, or those that a search finds; redrawn a few times a second.
  setMuscles(frame) {
    if (!this.scene || this.byId("page-muscles").hidden) return;
    const words = this.byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), names = this.scene.muscles;
    let shown = names.map((_, m) => m);
    if (words.length) shown = shown.filter(m => words.every(word => names[m].toLowerCase().includes(word)));
    else shown = this.ranked(frame);
    const found = shown.length;
    shown = [...this.picked, ...shown.filter(m => !this.picked.includes(m))].slice(0, 24);
    K.text(this.byId("found"), words.length ? `${found} of ${names.length} muscles found` : "The strongest now; press one to highlight and plot it.");
    this.list(shown);
    for (const row of this.byId("muscles").children) {
      const m = Number(row.dataset.muscle), bar = row.querySelector("b");
      bar.style.width = `${(100 * frame.activation[m]).toFixed(0)}%`;
      bar.style.background = K.css(this.palette, frame.activation[m]);
      K.text(row.querySelector(".number"), `${frame.tension[m].toFixed(0)} N`);
    }
  }

  // By tension, ranked anew every few seconds and never under a hand, so that a row can be pressed.
  ranked(frame) {
    const list = this.byId("muscles"), busy = list.matches(":hover") || list.contains(document.activeElement);
    if (!this.rank || this.rank.length !== frame.tension.length || (performance.now() > this.rankUntil && !busy)) {
      this.rank = [...frame.tension.keys()].sort((a, b) => frame.tension[b] - frame.tension[a]);
      this.rankUntil = performance.now() + 3000;
    }
    return [...this.rank];
  }

  list(shown) {
    const key = shown.join();
    if (this.listed === key) return;
    this.listed = key;
    this.byId("muscles").replaceChildren(...shown.map(m => {
      const row = document.createElement("li"), button = document.createElement("button"), name = document.createElement("span");
      row.dataset.muscle = m;
      name.textContent = this.scene.muscles[m];
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
    this.picked = this.picked.includes(m) ? this.picked.filter(other => other !== m) : [...this.picked, m].slice(-6);
    this.listed = "";
    this.onPick(this.picked);
  }

  note(text, good) {
    const notes = this.byId("notes"), note = document.createElement("p");
    note.textContent = text;
    if (!good) note.className = "bad";
    notes.append(note);
    while (notes.children.length > 4) notes.firstChild.remove();
    setTimeout(() => note.remove(), good ? 4000 : 9000);
  }
};

K.text = (element, text) => { if (element.textContent !== text) element.textContent = text; };
K.fill = (list, facts) => list.replaceChildren(...Object.entries(facts).flatMap(([name, value]) => {
  const dt = document.createElement("dt"), dd = document.createElement("dd");
  dt.textContent = name;
  dd.textContent = value;
  return [dt, dd];
}));
