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

// lines: [{ink, dash, points: [[x, y], ...]}]; bands: [{ink, points: [[x, low, high], ...]}]; bars along the bottom: [[x, x], ...]; marks: x of short
// strokes along the top; xMarks: how the ends are written.
K.plot = (canvas, { lines, bands = [], bars = [], barInk = "#4cc2b0", marks = [], x: [x0, x1], y: [y0, y1], unit = "", xMarks = ["", ""] }) => {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = canvas.clientWidth, height = canvas.clientHeight || Number(canvas.getAttribute("height"));
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) { canvas.style.height = height + "px"; canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
  const c = canvas.getContext("2d", { willReadFrequently: true });  // drawn by the processor: small, and cheaper than a way to the card
  const told = v => v.toFixed(Math.abs(y1) >= 10 ? 0 : y1 - y0 < 0.9 ? 2 : 1) + unit, heights = [y0, (y0 + y1) / 2, y1];
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = "11px system-ui, sans-serif";
  const box = { l: Math.max(36, 8 + Math.ceil(Math.max(...heights.map(v => c.measureText(told(v)).width)))), r: 8, t: 8, b: 18 };
  const px = v => box.l + (v - x0) / (x1 - x0 || 1) * (width - box.l - box.r), py = v => height - box.b - (v - y0) / (y1 - y0 || 1) * (height - box.t - box.b);
  c.fillStyle = "#a3b1bf";
  c.strokeStyle = "#2d3946";
  c.lineWidth = 1;
  for (const v of heights) {
    c.beginPath(); c.moveTo(box.l, py(v)); c.lineTo(width - box.r, py(v)); c.stroke();
    c.textAlign = "right"; c.textBaseline = "middle";
    c.fillText(told(v), box.l - 4, py(v));
  }
  c.textBaseline = "bottom";
  c.textAlign = "left"; c.fillText(xMarks[0], box.l, height - 2);
  c.textAlign = "right"; c.fillText(xMarks[1], width - box.r, height - 2);
  c.save();
  c.beginPath(); c.rect(box.l, 0, width - box.l - box.r, height); c.clip();
  for (const { ink, points } of bands) {
    c.fillStyle = ink; c.globalAlpha = 0.32;
    c.beginPath();
    points.forEach(([at, , high], i) => c[i ? "lineTo" : "moveTo"](px(at), py(high)));
    for (const [at, low] of [...points].reverse()) c.lineTo(px(at), py(low));
    c.fill();
  }
  c.globalAlpha = 1;
  c.fillStyle = barInk;
  for (const [from, to] of bars) c.fillRect(px(from), py(y0) - 5, px(to) - px(from), 5);
  c.fillStyle = "#ff6b72";
  for (const at of marks) c.fillRect(px(at) - 1, box.t - 2, 2, 7);
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
    Object.assign(this, { byId, history: new K.History(), latency: new K.History(), gait: new K.Gait(), cycle: new K.CyclePlots(byId), scene: null });
  }

  setScene(scene) {
    const same = this.scene?.body === scene.body;  // the same body after a lost connection keeps its cycles
    this.scene = scene;
    this.history.rows = [];
    if (!same) this.gait.setScene(scene);
    this.cycle.setScene(scene);
    const select = this.byId("joint"), kept = select.value;
    select.replaceChildren(...scene.joints.map(name => new Option(name.replaceAll("_", " "), name)));
    const usual = scene.joints.find(name => name.startsWith("knee")) || scene.joints[0];
    select.value = scene.joints.includes(kept) ? kept : usual;
  }

  addFrame(frame) {
    this.gait.add(frame);
    this.history.add({ time: frame.time, activation: frame.activation, joints: frame.joints, wanted: frame.hasReference ? frame.wanted : null });
  }

  addStatus(status) {
    this.status = status;
    if (status.latency) this.latency.add({ time: performance.now() / 1000, p50: status.latency[0], p99: status.latency[1], misses: status.misses });
  }

  draw(muscles) {
    if (!this.scene) return;
    const { byId } = this, byCycle = byId("by-phase").checked;
    byId("over-time").hidden = byCycle;
    byId("over-cycle").hidden = !byCycle;
    if (byCycle) this.cycle.draw(this.gait, muscles); else this.drawActivation(muscles);
    if (byCycle) this.drawJointCycle(); else this.drawJoint();
    this.drawLatency();
  }

  drawActivation(muscles) {
    const rows = this.history.since(K.SPAN_S), end = rows.length ? rows[rows.length - 1].time : 0;
    const lines = muscles.map((m, i) => ({ ink: K.INKS[i % K.INKS.length], points: rows.map(row => [row.time - end, row.activation[m]]) }));
    K.plot(this.byId("plot-activation"), { lines, x: [-K.SPAN_S, 0], y: [0, 1], xMarks: [`−${K.SPAN_S} s`, "now"] });
    const keys = this.byId("plot-muscles"), text = muscles.join();
    if (keys.dataset.of !== text) {
      keys.dataset.of = text;
      keys.replaceChildren(...muscles.map((m, i) => Object.assign(document.createElement("span"), { textContent: this.scene.muscles[m], style: `--key:${K.INKS[i % K.INKS.length]}` })));
    }
  }

  // Limits of the plot of a joint [degrees]: what is seen, with some room, but not far beyond what the joint can do.
  room(j, values) {
    const degrees = 180 / Math.PI, [low, high] = (this.scene.joint_limits || [])[j] || [-1, 1];
    const from = Math.max(Math.min(...values, 0), low - 0.3), to = Math.min(Math.max(...values, 0.2), high + 0.3), room = 0.1 * Math.max(to - from, 0.1);
    return [degrees * (from - room), degrees * (to + room)];
  }

  drawJoint() {
    const j = this.scene.joints.indexOf(this.byId("joint").value), rows = this.history.since(K.SPAN_S), end = rows.length ? rows[rows.length - 1].time : 0;
    const degrees = 180 / Math.PI, known = rows.filter(row => row.wanted), y = this.room(j, rows.flatMap(row => row.wanted ? [row.joints[j], row.wanted[j]] : [row.joints[j]]));
    K.text(this.byId("joint-error"), known.length ? `mean difference ${(degrees * K.mean(known.map(row => Math.abs(row.joints[j] - row.wanted[j])))).toFixed(1)}°` : "no reference");
    K.plot(this.byId("plot-joint"), { unit: "°", x: [-K.SPAN_S, 0], y, xMarks: [`−${K.SPAN_S} s`, "now"], lines: [
      { ink: "#4cc2b0", dash: [5, 4], points: rows.map(row => row.wanted && [row.time - end, degrees * row.wanted[j]]) },
      { ink: "#f5b84b", points: rows.map(row => [row.time - end, degrees * row.joints[j]]) }] });
  }

  drawJointCycle() {
    const name = this.byId("joint").value, j = this.scene.joints.indexOf(name), side = name.endsWith("_l") ? "left" : "right", degrees = 180 / Math.PI;
    const own = this.gait.over(side, row => row.joints[j]), wanted = this.gait.over(side, row => row.wanted && row.wanted[j]), [mean, aim] = [K.meanCurve(own), K.meanCurve(wanted)];
    const line = curve => [...curve, curve[0]].map((v, i) => [100 * i / K.CYCLE_POINTS, degrees * v]);
    K.text(this.byId("joint-error"), mean && aim ? `mean difference ${(degrees * K.mean(mean.map((v, i) => Math.abs(v - aim[i])))).toFixed(1)}°` : "");
    K.plot(this.byId("plot-joint"), { unit: "°", x: [0, 100], y: this.room(j, [...own, ...(aim ? [aim] : [])].flat()), xMarks: [`0 % ${side} heel strike`, "100 %"], lines: [
      ...own.map(curve => ({ ink: "#f5b84b", width: 1, alpha: 0.3, points: line(curve) })), ...(aim ? [{ ink: "#4cc2b0", dash: [5, 4], width: 2, points: line(aim) }] : []),
      ...(mean ? [{ ink: "#f5b84b", width: 2.2, points: line(mean) }] : [])] });
  }

  drawLatency() {
    const rows = this.latency.since(30), end = rows.length ? rows[rows.length - 1].time : 0, top = Math.max(2, ...rows.map(row => row.p99));
    const marks = rows.flatMap((row, k) => k && row.misses > rows[k - 1].misses ? [row.time - end] : []);
    K.plot(this.byId("plot-latency"), { unit: " ms", x: [-30, 0], y: [0, 1.15 * top], xMarks: ["−30 s", "now"], marks, lines: [
      { ink: "#8fc1ff", points: rows.map(row => [row.time - end, row.p50]) }, { ink: "#f28a8a", dash: [5, 4], points: rows.map(row => [row.time - end, row.p99]) }] });
    const recent = rows.length ? Math.max(rows[rows.length - 1].misses - rows[0].misses, 0) : 0;
    K.text(this.byId("latency-text"), this.latencyText(recent));
  }

  latencyText(recent) {
    const s = this.status;
    if (!s?.latency) return "";
    if (s.clock === "lockstep") return `Lock-step: the simulator waits for every answer, so there is no deadline. ${s.ticks} steps.`;
    return `Median ${s.latency[0].toFixed(1)} ms (blue), 99 of 100 below ${s.latency[1].toFixed(1)} ms (red). ${s.misses} deadlines missed in all, ${recent} in the last 30 s (red strokes at the top); ${s.hz.toFixed(1)} steps a second.`;
  }
};
