// Activation over the gait cycle: one small plot a muscle, with what people do beside it.
"use strict";

K.HUMAN = "#9fb0c0";

// Shown where no muscle is chosen: each stands for a task of walking, and people have been measured for all of them.
K.USUAL = ["soleus_r", "tibant_r", "vaslat_r", "bflh_r"];

K.CyclePlots = class {
  constructor(byId) { Object.assign(this, { byId, scene: null, shown: "" }); }

  setScene(scene) {
    this.scene = scene;
    this.shown = this.drawn = "";
    this.usual = K.USUAL.map(name => scene.muscles.indexOf(name)).filter(m => m >= 0);
  }

  // A cycle lasts a second: nothing is drawn until there is a new one, other muscles, or another width.
  draw(gait, muscles) {
    const cycles = Object.values(gait.legs).map(leg => leg.cycles[leg.cycles.length - 1]?.begin), key = JSON.stringify([muscles, cycles, this.byId("cycle-plots").clientWidth]);
    if (this.drawn === key) return;
    this.drawn = key;
    const { byId, scene } = this, human = scene.human || { sides: [], bands: [], band_of: [], timings: [], timing_of: [] };
    const count = Math.max(...Object.values(gait.legs).map(leg => leg.cycles.length), 0);
    K.text(byId("cycle-text"), count ? `The last ${count} cycles, each from heel strike to heel strike of the muscle's own leg. Dotted: toe off.`
      : "No gait cycle yet: it has to walk a few steps.");
    this.place(muscles, human);
    muscles.forEach((m, i) => this.one(byId("cycle-plots").children[i], gait, m, human));
  }

  // Canvases for these muscles; made anew only when others are shown.
  place(muscles, human) {
    const key = muscles.join();
    if (this.shown === key) return;
    this.shown = key;
    this.byId("cycle-plots").replaceChildren(...muscles.map(m => {
      const figure = document.createElement("figure"), caption = document.createElement("figcaption"), canvas = document.createElement("canvas");
      canvas.height = 92;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Activation of ${this.scene.muscles[m]} over the gait cycle`);
      figure.append(caption, canvas);
      return figure;
    }));
    const banded = muscles.some(m => human.band_of[m] >= 0), timed = muscles.some(m => human.timing_of[m] >= 0);
    const problem = human.problem ? ` Recordings of people were refused: ${human.problem}` : "";
    this.byId("cycle-keys").replaceChildren(...[["#f5b84b", "body, mean and single cycles"], ...(banded ? [[K.HUMAN, "people, mean ± 1 SD; both scaled to 0..1"]] : []),
      ...(timed ? [["#4cc2b0", "bar: when people's muscle is on, as published"]] : [])].map(([ink, text]) =>
      Object.assign(document.createElement("span"), { textContent: text, style: `--key:${ink}` })), problem);
  }

  one(figure, gait, m, human) {
    const side = human.sides[m] || "right", band = human.bands[human.band_of[m]], timing = human.timings[human.timing_of[m]];
    let curves = gait.over(side, row => row.activation[m]), mean = K.meanCurve(curves), told = "";
    if (mean && band) {
      const low = Math.min(...mean), extent = Math.max(...mean) - low || 1, scaled = K.scaled(mean);
      if (scaled) told = ` · r = ${K.correlation(scaled, band.middle).toFixed(2)} with ${band.people} ${band.people > 1 ? "people" : "person"}`;
      [curves, mean] = [curves, [mean]].map(list => list.map(curve => curve.map(v => (v - low) / extent)));
      mean = mean[0];
    }
    K.text(figure.firstChild, `${this.scene.muscles[m]}${told}`);
    const top = band ? 1 : [0.1, 0.25, 0.5, 1].find(limit => limit >= Math.max(...curves.flat(), 0)) || 1, x = i => 100 * i / K.CYCLE_POINTS, stance = gait.stance(side);
    const line = curve => [...curve.map((v, i) => [x(i), v]), [100, curve[0]]];
    K.plot(figure.lastChild, { x: [0, 100], y: [0, top], xMarks: ["0 % heel strike", "100 %"],
      bands: band ? [{ ink: K.HUMAN, points: [...band.middle, band.middle[0]].map((v, i) => { const s = band.spread[i % band.spread.length]; return [x(i), v - s, v + s]; }) }] : [],
      bars: (timing ? timing.on : []).flatMap(([from, to]) => from < to ? [[from, to]] : [[from, 100], [0, to]]), barInk: "#4cc2b0",
      lines: [...(stance === null ? [] : [{ ink: "#a3b1bf", dash: [2, 3], width: 1, points: [[100 * stance, 0], [100 * stance, top]] }]),
        ...curves.map(curve => ({ ink: "#f5b84b", width: 1, alpha: 0.3, points: line(curve) })), ...(mean ? [{ ink: "#f5b84b", width: 2.2, points: line(mean) }] : [])] });
  }
};
