// Lines with a thickness in metres: muscles, arrows, the goal and the way to it. All of them are one draw of plain triangles: a renderer
// without a graphics card draws instances one by one, which took longer than all the bones.
"use strict";

K.EDGED = 0.75;
K.CORD_WORDS = 9;  // a corner: place 3, direction 3, radius, side (-1 or 1), colour and light in four bytes

K.Cords = class {
  constructor(gl) {
    Object.assign(this, { gl, shader: K.program(gl, K.shaders.cord), array: gl.createVertexArray(), corners: gl.createBuffer(), order: gl.createBuffer(), count: 0 });
    this.room(1024);
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    [["p", 3, 0], ["along", 3, 12], ["radius", 1, 24], ["side", 1, 28]].forEach(([name, size, offset]) =>
      K.attribute(gl, this.shader.at(name), size, gl.FLOAT, false, 4 * K.CORD_WORDS, offset));
    K.attribute(gl, this.shader.at("tint"), 4, gl.UNSIGNED_BYTE, true, 4 * K.CORD_WORDS, 32);
    gl.bindVertexArray(null);
  }

  // Room for so many pieces; what was added stays.
  room(most) {
    const { gl, words } = this, order = new Uint32Array(6 * most);
    this.words = new Float32Array(4 * K.CORD_WORDS * most);
    if (words) this.words.set(words);
    this.bytes = new Uint32Array(this.words.buffer);
    for (let i = 0; i < most; i++) order.set([4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 2, 4 * i + 1, 4 * i + 3], 6 * i);
    this.most = most;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
  }

  clear() { this.count = 0; }

  // One piece from a to b, with the radius at each end. lit: 0 leaves it flat, as for lines on the floor, 1 makes it round, K.EDGED gives it white edges.
  add(ax, ay, az, bx, by, bz, r, g, b, lit, r0, r1) {
    if (this.count === this.most) this.room(2 * this.most);
    const { words, bytes } = this, length = Math.hypot(bx - ax, by - ay, bz - az) || 1e-7, dx = (bx - ax) / length, dy = (by - ay) / length, dz = (bz - az) / length;
    const over = 0.4 * Math.min(r0, r1), tint = (255 * r) | ((255 * g) << 8) | ((255 * b) << 16) | (Math.round(255 * lit) << 24);
    let o = 4 * K.CORD_WORDS * this.count++;
    for (let k = 0; k < 4; k++, o += K.CORD_WORDS) {
      const end = k > 1, reach = end ? over : -over;
      words[o] = (end ? bx : ax) + reach * dx; words[o + 1] = (end ? by : ay) + reach * dy; words[o + 2] = (end ? bz : az) + reach * dz;
      words[o + 3] = dx; words[o + 4] = dy; words[o + 5] = dz; words[o + 6] = end ? r1 : r0; words[o + 7] = k & 1 ? 1 : -1;
      bytes[o + 8] = tint;
    }
  }

  draw(VP, eye, light) {
    const { gl, shader: { program, u } } = this;
    gl.useProgram(program);
    gl.uniformMatrix4fv(u.VP, false, VP);
    gl.uniform3fv(u.eye, eye);
    gl.uniform3fv(u.light, light);
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, this.words.subarray(0, 4 * K.CORD_WORDS * this.count), gl.DYNAMIC_DRAW);
    gl.drawElements(gl.TRIANGLES, 6 * this.count, gl.UNSIGNED_INT, 0);
  }
};
