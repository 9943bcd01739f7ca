// Looks at the body from around it; mouse, touch and wheel turn it. Finds the place on the floor under a pointer.
"use strict";

K.Camera = class {
  constructor() {
    Object.assign(this, { yaw: -0.75, tilt: 0.20, distance: 3.4, target: [0, 0, 0.85], follow: true, dirty: true, lift: 0 });
    this.fov = 0.70;
  }

  // The target glides after the body, so that its sway does not shake the picture; after a leap in time [s] it is there at once.
  track(root, time) {
    const leapt = !(Math.abs(time - this.time) < 0.5);
    this.time = time;
    if (!this.follow) return;
    const away = Math.hypot(root[0] - this.target[0], root[1] - this.target[1]), pull = away > 2 || leapt ? 1 : 0.12;
    this.target = [this.target[0] + pull * (root[0] - this.target[0]), this.target[1] + pull * (root[1] - this.target[1]), this.target[2] + pull * (0.35 + 0.55 * root[2] + this.lift - this.target[2])];
    this.dirty = true;
  }

  eye() {
    const c = Math.cos(this.tilt) * this.distance;
    return [this.target[0] + c * Math.cos(this.yaw), this.target[1] + c * Math.sin(this.yaw), Math.max(this.target[2] + this.distance * Math.sin(this.tilt), 0.05)];
  }

  matrices(aspect) {
    const eye = this.eye(), fov = aspect < 1 ? 2 * Math.atan(Math.tan(this.fov / 2) / Math.max(aspect, 0.55)) : this.fov;
    this.VP = K.mul(K.perspective(fov, aspect, 0.05, 60), K.lookAt(eye, this.target));
    Object.assign(this, { aspect, lens: fov });
    return { VP: this.VP, eye, target: this.target };
  }

  // Place on the floor under a point of the picture (0..1 from the upper left), or null above the horizon.
  floorAt(px, py) {
    const eye = this.eye(), ahead = K.unit(K.sub(this.target, eye)), right = K.unit(K.cross(ahead, [0, 0, 1])), up = K.cross(right, ahead);
    const h = Math.tan((this.lens || this.fov) / 2), u = (2 * px - 1) * h * (this.aspect || 1), v = (1 - 2 * py) * h;
    const ray = [0, 1, 2].map(i => ahead[i] + u * right[i] + v * up[i]);
    if (ray[2] > -1e-3) return null;
    const t = -eye[2] / ray[2], place = [eye[0] + t * ray[0], eye[1] + t * ray[1]];
    return Math.hypot(place[0] - this.target[0], place[1] - this.target[1]) < 40 ? place : null;
  }

  turn(dx, dy) {
    this.yaw -= 0.008 * dx;
    this.tilt = Math.min(Math.max(this.tilt + 0.006 * dy, -0.12), 1.5);
    this.dirty = true;
  }

  zoom(factor) {
    this.distance = Math.min(Math.max(this.distance * factor, 0.5), 15);
    this.dirty = true;
  }

  slide(dx, dy) {
    const s = 0.0016 * this.distance;
    this.target[0] += s * dx * Math.sin(this.yaw);
    this.target[1] -= s * dx * Math.cos(this.yaw);
    this.lift = Math.min(Math.max(this.lift + s * dy, -1), 2);
    if (!this.follow) this.target[2] = Math.min(Math.max(this.target[2] + s * dy, 0), 3);
    this.dirty = true;
  }
};

// Pointers on the picture: drag turns, right or middle drag slides, two fingers zoom, a press without moving is a goal;
// while a goal is placed (the button, or Shift), the press is its place and the drag its heading.
K.pointers = (canvas, camera, { aiming, onAim, onGoal }) => {
  const down = new Map();
  let start = null, moved = 0, aim = null, spread = 0;
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return camera.floorAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  const heading = (from, to) => to && Math.hypot(to[0] - from[0], to[1] - from[1]) > 0.12 ? Math.atan2(to[1] - from[1], to[0] - from[0]) : null;

  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.clientX, event.clientY]);
    if (down.size > 1) { start = aim = null; onAim(null); return; }
    [start, moved] = [event, 0];
    if (event.button === 0 && (aiming() || event.shiftKey)) {
      const at = place(event);
      aim = at && [...at, null];
      onAim(aim);
    }
  });
  canvas.addEventListener("pointermove", event => {
    const last = down.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last[0], dy = event.clientY - last[1];
    down.set(event.pointerId, [event.clientX, event.clientY]);
    if (down.size === 2) {
      const [p, q] = [...down.values()], now = Math.hypot(p[0] - q[0], p[1] - q[1]);
      if (spread) camera.zoom(spread / Math.max(now, 1));
      spread = now;
      return;
    }
    moved += Math.abs(dx) + Math.abs(dy);
    if (aim) { aim = [aim[0], aim[1], heading(aim, place(event))]; onAim(aim); }
    else if (start && (start.button === 2 || start.button === 1)) camera.slide(dx, dy);
    else camera.turn(dx, dy);
  });
  const up = event => {
    const whole = down.size === 1 && start && event.type === "pointerup";
    down.delete(event.pointerId);
    spread = 0;
    if (whole && aim) onGoal(aim);
    else if (whole && start.button === 0 && moved < 6) { const at = place(event); onGoal(at && [...at, null]); }
    if (aim) onAim(null);
    start = aim = null;
  };
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, up);
  canvas.addEventListener("contextmenu", event => event.preventDefault());
  canvas.addEventListener("wheel", event => { event.preventDefault(); camera.zoom(Math.exp(0.0012 * event.deltaY)); }, { passive: false });
};
