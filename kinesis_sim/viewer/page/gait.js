// Cuts what is seen into gait cycles, one leg at a time: from heel strike to heel strike, by the load under the foot.
"use strict";

// A foot is down from 5 % of body weight until below 2.5 %; shorter than a tenth of a second is chatter (as in `kinesis evaluate`).
K.GAIT = { down: 0.05, up: 0.025, least_s: 0.1, shortest_s: 0.4, longest_s: 2.5, gap_s: 0.25, slowest: 0.15, kept: 8 };
K.CYCLE_POINTS = 50;

K.Leg = class {
  constructor(regions, weight) { Object.assign(this, { regions, weight, cycles: [] }); this.restart(); }

  restart() { Object.assign(this, { down: null, since: -Infinity, rows: null, toeOff: null, last: null }); }

  add(frame) {
    if (this.last !== null && (frame.time < this.last || frame.time - this.last > K.GAIT.gap_s)) {
      if (frame.time < this.last) this.cycles = [];  // another life of the body
      this.restart();
    }
    this.last = frame.time;
    const load = this.regions.reduce((sum, i) => sum + frame.forces[i], 0) / this.weight, lasted = frame.time - this.since >= K.GAIT.least_s;
    if (this.down === null) Object.assign(this, { down: load > K.GAIT.down });
    else if (!this.down && lasted && load > K.GAIT.down) this.strike(frame.time);
    else if (this.down && lasted && load < K.GAIT.up) Object.assign(this, { down: false, since: frame.time, toeOff: frame.time });
    this.rows?.push({ time: frame.time, activation: frame.activation, joints: frame.joints, wanted: frame.hasReference ? frame.wanted : null,
      speed: Math.hypot(frame.velocity[0], frame.velocity[1]) });
  }

  strike(time) {
    const { rows, toeOff } = this;
    if (rows && rows.length > 8) {
      const begin = rows[0].time, length = time - begin, speed = rows.reduce((sum, row) => sum + row.speed, 0) / rows.length;
      if (length >= K.GAIT.shortest_s && length <= K.GAIT.longest_s && toeOff > begin && speed >= K.GAIT.slowest) {
        this.cycles.push({ begin, length, stance: (toeOff - begin) / length, rows });
        if (this.cycles.length > K.GAIT.kept) this.cycles.shift();
      }
    }
    Object.assign(this, { down: true, since: time, rows: [], toeOff: null });
  }
};

K.Gait = class {
  constructor() { this.legs = {}; }

  setScene(scene) {
    const weight = 9.81 * scene.mass, of = side => scene.contacts.flatMap((name, i) => name.startsWith(side) ? [i] : []);
    this.legs = { right: new K.Leg(of("right_"), weight), left: new K.Leg(of("left_"), weight) };
  }

  add(frame) { for (const leg of Object.values(this.legs)) leg.add(frame); }

  // Values over each kept cycle of a side, at CYCLE_POINTS places from heel strike on; `pick` takes the value of a row.
  over(side, pick) {
    return (this.legs[side]?.cycles || []).map(({ begin, length, rows }) => {
      const values = [];
      for (let i = 0, k = 0; i < K.CYCLE_POINTS; i++) {
        const time = begin + length * i / K.CYCLE_POINTS;
        while (k + 1 < rows.length - 1 && rows[k + 1].time <= time) k++;
        const [a, b] = [rows[k], rows[k + 1]], share = Math.min(Math.max((time - a.time) / (b.time - a.time || 1), 0), 1), [p, q] = [pick(a), pick(b)];
        values.push(p === null || q === null ? null : p + share * (q - p));
      }
      return values;
    });
  }

  stance(side) { return K.mean((this.legs[side]?.cycles || []).map(cycle => cycle.stance)); }
};

K.mean = values => values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : null;
// Mean of several curves, point by point; null where one of them is not known.
K.meanCurve = curves => curves.length ? curves[0].map((_, i) => curves.some(c => c[i] === null) ? null : K.mean(curves.map(c => c[i]))) : null;
// Moved and scaled to 0..1, as activity of a body and of people is compared; null where nothing changes.
K.scaled = curve => {
  const low = Math.min(...curve), extent = Math.max(...curve) - low;
  return extent > 1e-9 ? curve.map(v => (v - low) / extent) : null;
};
// Pearson's correlation of two curves.
K.correlation = (a, b) => {
  const [p, q] = [K.mean(a), K.mean(b)], sum = f => a.reduce((total, _, i) => total + f(a[i] - p, b[i] - q), 0);
  return sum((x, y) => x * y) / Math.sqrt(sum(x => x * x) * sum((_, y) => y * y));
};
