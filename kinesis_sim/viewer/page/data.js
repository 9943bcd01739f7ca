// Reads the two binary messages of the server (kinesis_sim/viewer/packing.py says what is in them).
"use strict";

K.readScene = buffer => {
  const length = new DataView(buffer).getUint32(0, true);
  const scene = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const take = (Kind, count) => { const part = new Kind(buffer, at, count); at += part.byteLength; return part; };
  scene.mesh = {
    vertices: take(Float32Array, 3 * scene.vertices), normals: take(Int8Array, 4 * scene.vertices),
    triangles: take(Uint32Array, 3 * scene.triangles), slots: take(Uint8Array, scene.vertices),
  };
  return scene;
};

K.readFrame = (buffer, scene) => {
  const head = new Float64Array(buffer, 0, 2);
  let at = 16;
  const take = (Kind, count) => { const part = new Kind(buffer, at, count); at += part.byteLength; return part; };
  const J = scene.joints.length, C = scene.contacts.length, M = scene.muscles.length, B = scene.slots;
  const flags = take(Float32Array, 4);
  const frame = {
    time: head[0], seq: head[1], phase: flags[0], fallen: flags[1] > 0, hasReference: flags[2] > 0,
    root: take(Float32Array, 3), velocity: take(Float32Array, 3), joints: take(Float32Array, J), wanted: take(Float32Array, J),
    forces: take(Float32Array, C), feet: take(Float32Array, 3 * C), bones: take(Float32Array, 7 * B), ghost: take(Float32Array, 7 * B),
    activation: take(Float32Array, M), tension: take(Float32Array, M),
  };
  frame.points = new Int16Array(buffer, at, (buffer.byteLength - at - M) / 2);
  frame.counts = new Uint8Array(buffer, buffer.byteLength - M, M);
  return frame;
};

// 256 colours from relaxed to fully active, as red, green, blue in 0..1.
K.palette = anchors => {
  const table = new Float32Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const x = i / 255 * (anchors.length - 1), k = Math.min(Math.floor(x), anchors.length - 2);
    for (let c = 0; c < 3; c++) table[3 * i + c] = anchors[k][c] + (x - k) * (anchors[k + 1][c] - anchors[k][c]);
  }
  return table;
};
K.css = (palette, x) => {
  const i = 3 * Math.round(255 * Math.min(Math.max(x, 0), 1));
  return `rgb(${[0, 1, 2].map(c => Math.round(255 * palette[i + c])).join(" ")})`;
};
