// Small WebGL 2 helpers and the shaders. Everything hangs under one name, K, so that a film can hold these files inline.
"use strict";
window.K = window.K || {};

K.shaders = {
  // Bones: one mesh, every vertex carried by its bone. In the shadow pass it is flattened onto the floor along the light.
  bone: slots => [`
    uniform vec3 P[${slots}]; uniform vec4 Q[${slots}]; uniform mat4 VP; uniform vec3 light; uniform float flat_;
    in vec3 pos; in vec3 nrm; in float slot; out vec3 n; out vec3 w;
    vec3 turn(vec4 q, vec3 v) { vec3 t = 2.0 * cross(q.xyz, v); return v + q.w * t + cross(q.xyz, t); }
    void main() {
      int s = int(slot + 0.5);
      w = P[s] + turn(Q[s], pos); n = turn(Q[s], nrm);
      if (flat_ > 0.5) w = vec3(w.xy - light.xy / light.z * max(w.z, 0.0), 0.001);
      gl_Position = VP * vec4(w, 1.0);
    }`, `
    uniform vec3 eye; uniform vec3 light; uniform vec4 colour; uniform float flat_;
    in vec3 n; in vec3 w; out vec4 o;
    void main() {
      if (flat_ > 0.5) { o = colour; return; }
      vec3 N = normalize(n), E = normalize(eye - w);
      if (dot(N, E) < 0.0) N = -N;
      float sun = max(dot(N, light), 0.0), sky = 0.5 + 0.5 * N.z, rim = pow(1.0 - max(dot(N, E), 0.0), 3.0);
      vec3 c = colour.rgb * (0.26 + 0.30 * sky + 0.55 * sun) + 0.10 * rim;
      o = vec4(c, colour.a);
    }`],
  // Cords: strips turned to the eye and lit as if they were round (cords.js).
  cord: [`
    uniform mat4 VP; uniform vec3 eye;
    in vec3 p; in vec3 along; in float radius; in float side; in vec4 tint; out float u; out vec3 across; out vec3 face; out vec4 c;
    void main() {
      across = normalize(cross(along, eye - p) + vec3(1e-9, 0.0, 0.0)); face = cross(across, along); u = side; c = tint;
      gl_Position = VP * vec4(p + across * side * radius, 1.0);
    }`, `
    uniform vec3 light; in float u; in vec3 across; in vec3 face; in vec4 c; out vec4 o;
    void main() {
      vec3 N = normalize(across * u + face * sqrt(max(1.0 - u * u, 0.0)));
      float lit = c.a < 0.5 ? 1.0 : 0.55 + 0.20 * (0.5 + 0.5 * N.z) + 0.40 * max(dot(N, light), 0.0);
      o = vec4(c.a < 0.9 && c.a > 0.5 && abs(u) > 0.55 ? vec3(1.0) : c.rgb * lit, 1.0);
    }`],
  floor: [`
    uniform mat4 VP; uniform vec3 centre; in vec2 corner; out vec2 p;
    void main() { p = centre.xy + corner * 14.0; gl_Position = VP * vec4(p, 0.0, 1.0); }`, `
    uniform vec3 centre; uniform vec3 dark[3]; in vec2 p; out vec4 o;
    float grid(vec2 q, float thick) { vec2 d = abs(fract(q - 0.5) - 0.5) / max(fwidth(q) * thick, vec2(1e-5)); return 1.0 - min(min(d.x, d.y), 1.0); }
    void main() {
      float far = 1.0 - smoothstep(3.0, 12.0, length(p - centre.xy));
      vec3 base = mix(vec3(0.071, 0.094, 0.122), vec3(0.125, 0.160, 0.200), far);
      float line = 0.10 * grid(p * 2.0, 1.0) + 0.20 * grid(p, 1.2);
      float shade = 1.0;
      for (int i = 0; i < 3; i++) shade *= 1.0 - dark[i].z * exp(-dot(p - dark[i].xy, p - dark[i].xy) / (i == 0 ? 0.12 : 0.010));
      o = vec4((base + line * far * vec3(0.62, 0.72, 0.82)) * shade, 1.0);
    }`],
};

K.program = (gl, [vertex, fragment]) => {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, "#version 300 es\nprecision highp float;\n" + text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error("this browser cannot draw the body: " + gl.getProgramInfoLog(program));
  }
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(program, i).name.replace("[0]", "");
    uniforms[name] = gl.getUniformLocation(program, name);
  }
  return { program, u: uniforms, at: name => gl.getAttribLocation(program, name) };
};

K.buffer = (gl, data, kind = gl.ARRAY_BUFFER) => {
  const buffer = gl.createBuffer();
  gl.bindBuffer(kind, buffer);
  gl.bufferData(kind, data, gl.STATIC_DRAW);
  return buffer;
};

K.attribute = (gl, at, size, type, normalized, stride, offset) => {
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, size, type, normalized, stride, offset);
};

// Column-major 4x4 matrices and 3-vectors, as plain arrays.
K.mul = (a, b) => {
  const o = new Float32Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) for (let k = 0; k < 4; k++) o[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return o;
};
K.perspective = (fov, aspect, near, far) => {
  const f = 1 / Math.tan(fov / 2), d = near - far;
  return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / d, -1, 0, 0, 2 * far * near / d, 0];
};
K.sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
K.dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
K.cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
K.unit = a => { const n = Math.hypot(...a) || 1; return a.map(v => v / n); };
K.lookAt = (eye, target) => {
  const z = K.unit(K.sub(eye, target)), x = K.unit(K.cross([0, 0, 1], z)), y = K.cross(z, x);
  return [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, -K.dot(x, eye), -K.dot(y, eye), -K.dot(z, eye), 1];
};
