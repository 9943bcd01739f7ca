// The panel beside the picture: buttons to orders, reports to text.
"use strict";

K.WATCHES = "This page watches: another one steers.";
K.aboutRecording = ({ problems, every }) => [...problems, ...(every > 1 ? [`A long recording: one state of ${every} is shown.`] : [])].join(" ");

K.Panel = class {
  constructor({ byId, send }) {
    Object.assign(this, { byId, send, paused: false });
    this.wireTabs();
    this.wireButtons();
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
    byId("body-name").textContent = `${scene.body} · ${scene.muscles.length} muscles`;
    const facts = { name: scene.body, muscles: scene.muscles.length, joints: scene.joints.length, mass: `${scene.mass.toFixed(1)} kg`, "standing height of the root": `${scene.height.toFixed(2)} m`,
      "foot regions": scene.contacts.join(", "), licence: scene.licence || "Apache-2.0" };
    K.fill(byId("facts"), facts);
    const { card, ...policy } = scene.policy || {};
    K.fill(byId("policy"), Object.keys(policy).length ? policy : { file: "not known to this page" });
    byId("card-box").hidden = !card;
    byId("card").textContent = card || "";
    const palette = K.palette(scene.colours), bar = byId("legend-bar"), c = bar.getContext("2d");
    for (let x = 0; x < bar.width; x++) { c.fillStyle = K.css(palette, x / (bar.width - 1)); c.fillRect(x, 0, 1, bar.height); }
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
    list.replaceChildren(...(faults.length ? faults : [["none", 0, "Nothing has gone wrong.", "", "notice"]]).map(([name, count, meaning, advice, severity]) => {
      const item = document.createElement("li"), strong = document.createElement("strong");
      strong.textContent = count ? `${name} × ${count}` : name;
      item.className = severity || "stop";
      item.append(strong, document.createElement("br"), `${meaning} ${advice}`);
      return item;
    }));
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
