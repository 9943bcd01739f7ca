// Line plots on a canvas: a fixed window of the last seconds, or one gait cycle.
"use strict";

K.SPAN_S = 8;
K.INKS = ["#f5b84b", "#4cc2b0", "#c9a2f2", "#f28a8a", "#8fc1ff", "#d8e07a"];

K.History = class {
  constructor() { this.rows = []; }
  add(row) {
    const last = this.rows[this.rows.length - 1];
    if (last && row.time < last.time) this.rows = [];
    this.rows.push(row);
    while (this.rows.length > 2000 || row.time - this.rows[0].time > 30) this.rows.shift();
  }
  since(seconds) {
    const end = this.rows.length ? this.rows[this.rows.length - 1].time : 0;
    return this.rows.filter(row => row.time >= end - seconds);
  }
};

// lines: [{ink, dash, points: [[x, y], ...]}]; marks: how values are written at the edges.
K.plot = (canvas, { lines, x: [x0, x1], y: [y0, y1], unit = "", xMarks = ["", ""] }) => {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = canvas.clientWidth, height = canvas.clientHeight || Number(canvas.getAttribute("height"));
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) { canvas.style.height = height + "px"; canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
  const c = canvas.getContext("2d"), box = { l: 40, r: 8, t: 8, b: 18 };
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  const px = v => box.l + (v - x0) / (x1 - x0 || 1) * (width - box.l - box.r), py = v => height - box.b - (v - y0) / (y1 - y0 || 1) * (height - box.t - box.b);
  c.font = "11px system-ui, sans-serif";
  c.fillStyle = "#a3b1bf";
  c.strokeStyle = "#2d3946";
  c.lineWidth = 1;
  for (const v of [y0, (y0 + y1) / 2, y1]) {
    c.beginPath(); c.moveTo(box.l, py(v)); c.lineTo(width - box.r, py(v)); c.stroke();
    c.textAlign = "right"; c.textBaseline = "middle";
    c.fillText((Math.abs(v) >= 10 ? v.toFixed(0) : v.toFixed(1)) + unit, box.l - 4, py(v));
  }
  c.textBaseline = "bottom";
  c.textAlign = "left"; c.fillText(xMarks[0], box.l, height - 2);
  c.textAlign = "right"; c.fillText(xMarks[1], width - box.r, height - 2);
  c.save();
  c.beginPath(); c.rect(box.l, 0, width - box.l - box.r, height); c.clip();
  for (const { ink, dash, points, width: thick = 1.6, alpha = 1 } of lines) {
    c.strokeStyle = ink; c.lineWidth = thick; c.globalAlpha = alpha;
    c.setLineDash(dash || []);
    c.beginPath();
    let pen = false;
    for (const point of points) {
      if (!point) { pen = false; continue; }
      c[pen ? "lineTo" : "moveTo"](px(point[0]), py(point[1]));
      pen = true;
    }
    c.stroke();
  }
  c.restore();
};

K.Plots = class {
  constructor(byId) {
    Object.assign(this, { byId, history: new K.History(), latency: new K.History(), scene: null });
  }

  setScene(scene) {
    this.scene = scene;
    this.history.rows = [];
    const select = this.byId("joint"), kept = select.value;
    select.replaceChildren(...scene.joints.map(name => new Option(name.replaceAll("_", " "), name)));
    const usual = scene.joints.find(name => name.startsWith("knee")) || scene.joints[0];
    select.value = scene.joints.includes(kept) ? kept : usual;
  }

  addFrame(frame) {
    this.history.add({ time: frame.time, phase: frame.phase, activation: frame.activation, joints: frame.joints, wanted: frame.hasReference ? frame.wanted : null });
  }

  addStatus(status) {
    if (status.latency) this.latency.add({ time: performance.now() / 1000, p50: status.latency[0], p99: status.latency[1], misses: status.misses });
  }

  draw(muscles) {
    if (!this.scene) return;
    this.drawActivation(muscles);
    this.drawJoint();
    this.drawLatency();
  }

  drawActivation(muscles) {
    const byPhase = this.byId("by-phase").checked, rows = this.history.since(byPhase ? 12 : K.SPAN_S), end = rows.length ? rows[rows.length - 1].time : 0;
    const lines = muscles.map((m, i) => ({ ink: K.INKS[i % K.INKS.length], alpha: byPhase ? 0.75 : 1, points: byPhase
      ? rows.flatMap((row, k) => k && row.phase < rows[k - 1].phase ? [null, [100 * row.phase, row.activation[m]]] : [[100 * row.phase, row.activation[m]]])
      : rows.map(row => [row.time - end, row.activation[m]]) }));
    K.plot(this.byId("plot-activation"), { lines, x: byPhase ? [0, 100] : [-K.SPAN_S, 0], y: [0, 1],
      xMarks: byPhase ? ["0 % right heel strike", "100 %"] : [`−${K.SPAN_S} s`, "now"] });
    const keys = this.byId("plot-muscles"), text = muscles.join();
    if (keys.dataset.of !== text) {
      keys.dataset.of = text;
      keys.replaceChildren(...muscles.map((m, i) => Object.assign(document.createElement("span"), { textContent: this.scene.muscles[m], style: `--key:${K.INKS[i % K.INKS.length]}` })));
    }
  }

  drawJoint() {
    const j = this.scene.joints.indexOf(this.byId("joint").value), rows = this.history.since(K.SPAN_S), end = rows.length ? rows[rows.length - 1].time : 0;
    const degrees = 180 / Math.PI, [low, high] = (this.scene.joint_limits || [])[j] || [-1, 1];
    const all = rows.flatMap(row => row.wanted ? [row.joints[j], row.wanted[j]] : [row.joints[j]]);
    const from = Math.max(Math.min(...all, 0), low - 0.3), to = Math.min(Math.max(...all, 0.2), high + 0.3), room = 0.1 * Math.max(to - from, 0.1);
    K.plot(this.byId("plot-joint"), { unit: "°", x: [-K.SPAN_S, 0], y: [degrees * (from - room), degrees * (to + room)], xMarks: [`−${K.SPAN_S} s`, "now"], lines: [
      { ink: "#4cc2b0", dash: [5, 4], points: rows.map(row => row.wanted && [row.time - end, degrees * row.wanted[j]]) },
      { ink: "#f5b84b", points: rows.map(row => [row.time - end, degrees * row.joints[j]]) }] });
  }

  drawLatency() {
    const rows = this.latency.since(30), end = rows.length ? rows[rows.length - 1].time : 0, top = Math.max(2, ...rows.map(row => row.p99));
    K.plot(this.byId("plot-latency"), { unit: " ms", x: [-30, 0], y: [0, 1.15 * top], xMarks: ["−30 s", "now"], lines: [
      { ink: "#8fc1ff", points: rows.map(row => [row.time - end, row.p50]) }, { ink: "#f28a8a", dash: [5, 4], points: rows.map(row => [row.time - end, row.p99]) }] });
  }
};
