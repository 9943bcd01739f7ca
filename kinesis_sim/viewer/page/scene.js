// Draws one frame: floor, shadow, bones, ghost of the reference, muscles, foot forces, goal and trail.
"use strict";

K.Renderer = class {
  constructor(canvas) {
    const soft = K.drawsInSoftware();  // without a graphics card smooth edges cost more than all the rest
    const gl = canvas.getContext("webgl2", { antialias: !soft, stencil: true, alpha: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("this browser has no WebGL 2, which drawing the body needs");
    Object.assign(this, { canvas, gl, quality: soft ? 0.8 : 1, scene: null, frame: null, goal: null, aim: null, chosen: new Set(), trail: [] });
    this.soft = soft;
    this.finest = this.quality;
    this.pending = null;  // set while the card is still busy with the last picture
    this.cost = 0;
    this.show = { ghost: false, muscles: true, forces: true };
    this.light = K.unit([0.45, -0.35, 0.82]);
    this.floor = K.program(gl, K.shaders.floor);
    this.cords = new K.Cords(gl);
    this.floorArray = gl.createVertexArray();
    gl.bindVertexArray(this.floorArray);
    K.buffer(gl, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]));
    K.attribute(gl, this.floor.at("corner"), 2, gl.FLOAT, false, 0, 0);
  }

  setScene(scene) {
    const gl = this.gl, mesh = scene.mesh;
    this.scene = scene;
    this.frame = null;
    this.trail = [];
    this.palette = K.palette(scene.colours);
    this.bone = K.program(gl, K.shaders.bone(scene.slots));
    this.boneArray = gl.createVertexArray();
    gl.bindVertexArray(this.boneArray);
    K.buffer(gl, mesh.vertices);
    K.attribute(gl, this.bone.at("pos"), 3, gl.FLOAT, false, 0, 0);
    K.buffer(gl, mesh.normals);
    K.attribute(gl, this.bone.at("nrm"), 3, gl.BYTE, true, 4, 0);
    K.buffer(gl, mesh.slots);
    K.attribute(gl, this.bone.at("slot"), 1, gl.UNSIGNED_BYTE, false, 0, 0);
    K.buffer(gl, mesh.triangles, gl.ELEMENT_ARRAY_BUFFER);
    gl.bindVertexArray(null);
  }

  setFrame(frame) {
    const last = this.trail[this.trail.length - 1];
    if (this.frame && frame.time < this.frame.time) this.trail = [];
    if (!last || Math.hypot(frame.root[0] - last[0], frame.root[1] - last[1]) > 0.08) this.trail.push([frame.root[0], frame.root[1], 0.004]);
    if (this.trail.length > 160) this.trail.shift();
    this.frame = frame;
  }

  // The size of the picture follows the window; on a slow machine it is drawn coarser before it is drawn later.
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2) * this.quality;
    const width = Math.max(Math.round(this.canvas.clientWidth * ratio), 1), height = Math.max(Math.round(this.canvas.clientHeight * ratio), 1);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
  }

  // False while the last picture is not finished: to queue more would only make the page answer late.
  ready() {
    const gl = this.gl, sync = this.pending;
    if (!sync) return true;
    if (gl.clientWaitSync(sync.fence, 0, 0) === gl.TIMEOUT_EXPIRED && performance.now() - sync.at < 2000) return false;
    this.cost += 0.15 * (performance.now() - sync.at - this.cost);
    gl.deleteSync(sync.fence);
    this.pending = null;
    // Pictures that take long are drawn with fewer points, first of all.
    if (this.cost > 28 && this.quality > 0.55) { this.quality *= 0.85; this.cost = 20; }
    else if (this.cost < 8 && this.quality < this.finest) { this.quality = Math.min(this.quality * 1.15, this.finest); this.cost = 20; }
    return true;
  }

  draw(camera) {
    this.resize();
    this.paint(camera);
    this.pending = { fence: this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0), at: performance.now() };
    this.gl.flush();
  }

  paint(camera) {
    const gl = this.gl, { VP, eye, target } = camera.matrices(this.canvas.width / this.canvas.height);
    Object.assign(this, { VP, eye });
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0.071, 0.094, 0.122, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    this.drawFloor(target);
    if (!this.frame) return;
    this.useBones(this.frame.bones);
    if (!this.soft) this.drawShadow();
    this.drawBones([0.86, 0.83, 0.76, 1]);
    this.drawCords();
    if (this.show.ghost && this.frame.hasReference) this.drawGhost();
  }

  drawFloor(target) {
    const gl = this.gl, { program, u } = this.floor;
    gl.useProgram(program);
    gl.uniformMatrix4fv(u.VP, false, this.VP);
    gl.uniform3fv(u.centre, target);
    gl.uniform3fv(u.dark, this.soft && this.frame ? this.blobs() : new Float32Array(9));
    gl.bindVertexArray(this.floorArray);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  // In place of a true shadow, where nothing but the processor draws: a dark spot under the body and under each foot.
  blobs() {
    const { root, feet, forces } = this.frame, half = Math.max(feet.length / 6, 1) * 3, spots = [root[0], root[1], 0.35, 0, 0, 0, 0, 0, 0];
    for (const [k, from] of [[1, 0], [2, half]]) {
      for (let i = from; i < Math.min(from + half, feet.length); i += 3) {
        spots[3 * k] += 3 * feet[i] / half;
        spots[3 * k + 1] += 3 * feet[i + 1] / half;
        spots[3 * k + 2] = Math.max(spots[3 * k + 2], forces[i / 3] > 5 ? 0.6 : 0.25);
      }
    }
    return spots;
  }

  useBones(poses) {
    const gl = this.gl, { program, u } = this.bone, count = this.scene.slots;
    const P = new Float32Array(3 * count), Q = new Float32Array(4 * count);
    for (let i = 0; i < count; i++) {
      const at = 7 * i;
      P.set(poses.subarray(at, at + 3), 3 * i);
      Q.set([poses[at + 4], poses[at + 5], poses[at + 6], poses[at + 3]], 4 * i);
    }
    gl.useProgram(program);
    gl.uniform3fv(u.P, P);
    gl.uniform4fv(u.Q, Q);
    gl.uniformMatrix4fv(u.VP, false, this.VP);
    gl.uniform3fv(u.light, this.light);
    gl.uniform3fv(u.eye, this.eye);
  }

  drawBones(colour, flat = 0) {
    const gl = this.gl, u = this.bone.u;
    gl.uniform4fv(u.colour, colour);
    gl.uniform1f(u.flat_, flat);
    gl.bindVertexArray(this.boneArray);
    gl.drawElements(gl.TRIANGLES, 3 * this.scene.triangles, gl.UNSIGNED_INT, 0);
  }

  drawShadow() {
    const gl = this.gl;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.STENCIL_TEST);  // every pixel is darkened once, however many bones lie above it
    gl.stencilFunc(gl.EQUAL, 0, 255);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    gl.depthMask(false);
    this.drawBones([0.02, 0.03, 0.05, 0.5], 1);
    gl.depthMask(true);
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.BLEND);
  }

  drawGhost() {
    const gl = this.gl;
    this.useBones(this.frame.ghost);
    gl.colorMask(false, false, false, false);  // depth first, so that only its surface is seen
    this.drawBones([0, 0, 0, 0]);
    gl.colorMask(true, true, true, true);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    this.drawBones([0.30, 0.76, 0.69, 0.38]);
    gl.disable(gl.BLEND);
  }

  drawCords() {
    this.cords.clear();
    if (this.show.muscles) this.addMuscles();
    if (this.show.forces) this.addForces();
    this.addMarkers();
    this.cords.draw(this.VP, this.eye, this.light);
  }

  addMuscles() {
    const { frame, palette, scene } = this, unit = scene.point_unit, [x, y, z] = frame.root, p = frame.points;
    const some = this.chosen.size > 0;
    let at = 0;
    for (let m = 0; m < frame.counts.length; m++) {
      const active = Math.min(Math.max(frame.activation[m], 0), 1), chosen = this.chosen.has(m), i = 3 * Math.round(255 * active);
      const dim = some && !chosen ? 0.45 : 1, radius = (0.0048 + 0.0072 * active) * (chosen ? 2 : 1) * (scene.muscles.length > 200 ? 0.75 : 1);
      for (let k = 1; k < frame.counts[m]; k++) {
        const a = 3 * (at + k - 1), b = a + 3;
        this.cords.add(x + unit * p[a], y + unit * p[a + 1], z + unit * p[a + 2], x + unit * p[b], y + unit * p[b + 1], z + unit * p[b + 2],
          palette[i] * dim, palette[i + 1] * dim, palette[i + 2] * dim, chosen ? K.EDGED : 1, radius, radius);
      }
      at += frame.counts[m];
    }
  }

  addForces() {
    const { forces, feet } = this.frame;
    for (let i = 0; i < forces.length; i++) {
      const top = forces[i] * 0.0006, [x, y] = [feet[3 * i], feet[3 * i + 1]];
      if (forces[i] < 5) continue;
      this.cords.add(x, y, 0, x, y, top, 0.30, 0.76, 0.69, 1, 0.006, 0.006);
      this.cords.add(x, y, top, x, y, top + 0.05, 0.30, 0.76, 0.69, 1, 0.017, 0.001);
    }
  }

  addMarkers() {
    for (let i = 1; i < this.trail.length; i++) this.cords.add(...this.trail[i - 1], ...this.trail[i], 0.45, 0.55, 0.65, 0, 0.005, 0.005);
    for (const [goal, [r, g, b]] of [[this.goal, [0.96, 0.72, 0.29]], [this.aim, [1, 1, 1]]]) {
      if (!goal) continue;
      const [x, y, yaw] = goal, size = 0.22;
      for (let k = 0; k < 28; k++) {
        const p = 2 * Math.PI * k / 28, q = 2 * Math.PI * (k + 1) / 28;
        this.cords.add(x + size * Math.cos(p), y + size * Math.sin(p), 0.005, x + size * Math.cos(q), y + size * Math.sin(q), 0.005, r, g, b, 0, 0.012, 0.012);
      }
      if (yaw !== null && yaw !== undefined) {
        const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
        this.cords.add(x, y, 0.006, x + 0.42 * c, y + 0.42 * s, 0.006, r, g, b, 0, 0.014, 0.014);
        this.cords.add(x + 0.42 * c, y + 0.42 * s, 0.006, x + 0.58 * c, y + 0.58 * s, 0.006, r, g, b, 0, 0.05, 0.001);
      } else {
        this.cords.add(x, y, 0, x, y, 0.35, r, g, b, 0, 0.008, 0.008);
      }
      this.addDashes(this.frame.root[0], this.frame.root[1], x, y, [r, g, b]);
    }
  }

  addDashes(ax, ay, bx, by, tint) {
    const length = Math.hypot(bx - ax, by - ay), count = Math.min(Math.floor(length / 0.2), 200);
    for (let k = 0; k < count; k++) {
      const p = k / count, q = (k + 0.5) / count;
      this.cords.add(ax + p * (bx - ax), ay + p * (by - ay), 0.004, ax + q * (bx - ax), ay + q * (by - ay), 0.004, ...tint, 0, 0.005, 0.005);
    }
  }
};

K.drawsInSoftware = () => {
  const gl = document.createElement("canvas").getContext("webgl2"), about = gl && gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl ? gl.getParameter(about ? about.UNMASKED_RENDERER_WEBGL : gl.RENDERER) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
};
