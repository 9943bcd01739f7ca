// Puts the parts together.
"use strict";

K.start = () => {
  const byId = id => document.getElementById(id), canvas = byId("view"), camera = new K.Camera(), film = new K.Film();
  const held = byId("film-data"), problem = text => { byId("problem").hidden = !text; K.text(byId("problem"), text); };
  let renderer = null, scene = null, frame = null, fresh = false, link = null, player = null, shown = 0, since = performance.now();
  const send = (kind, fields) => {
    if (link && !link.send(kind, fields)) note("Not sent: there is no connection to the viewer.", false);
  };
  const note = (text, good) => {
    panel.note(text, good);
    if (!good && byId("reply").textContent === "…") K.text(byId("reply"), text);  // nothing else will answer
  };
  const panel = new K.Panel({ byId, send }), pull = new K.Pull();
  const muscles = new K.MuscleList({ byId, onPick: picked => { if (renderer) renderer.chosen = new Set(picked); fresh = true; } });
  const plots = new K.Plots(byId), recording = new K.RecordingBox({ byId, send }), clips = new K.Clips({ byId, send }), guide = new K.Guide({ byId, send });
  const pace = new K.Pace(), playing = held ? null : new K.Playing({ byId, send });
  const page = window.kinesis = { fps: 0, plots, frame: () => frame, scene: () => scene, camera, status: null, renderer: () => renderer };  // what tests and curious people look at

  try {
    renderer = new K.Renderer(canvas);
  } catch (error) {
    problem(`${error.message}. Steering works without the picture.`);
  }

  const onScene = data => {
    film.scene = data;
    scene = K.readScene(data);
    renderer?.setScene(scene);
    plots.setScene(scene);
    clips.setScene(scene);
    panel.setScene(scene);
    muscles.setScene(scene);
  };
  const onFrame = data => {
    if (!scene) return;
    frame = K.readFrame(data, scene);
    film.add(data);
    renderer?.setFrame(frame);
    camera.track(frame.root, frame.time);
    plots.addFrame(frame);
    pull.add(frame);
    pace.add(frame.time);
    fresh = true;
  };
  const onNews = news => {
    if (news.kind === "status") {
      page.status = news;
      panel.setStatus(news);
      plots.addStatus(news);
      recording.show(news.record, news.playback);
      guide.show(news, frame ? frame.fallen : null);
      if (news.playback) showPlayback(news.playback);
      problem(news.problem);
      if (renderer && JSON.stringify(renderer.goal) !== JSON.stringify(news.goal)) { renderer.goal = news.goal; fresh = true; }
    } else if (news.kind === "reply") {
      K.text(byId("reply"), news.text);
    } else {
      note(news.text, news.good);
    }
  };
  let drive = null;
  const showPlayback = playback => {
    if (document.body.dataset.mode !== "playback") {
      document.body.dataset.mode = "playback";
      if (drive) drive.enabled = false;
      K.text(byId("tab-drive"), "Recording");
      K.text(byId("reply"), "Press Play, or pull the slider; ← and → go by a second.");
    }
    playing.show(playback);
  };
  const onChange = (open, reason) => {
    if (open) { problem(""); return; }
    problem(`No connection: ${reason || "the viewer has ended, or its machine cannot be reached"}. This page connects again by itself.`);
    byId("state").dataset.state = "";
    K.text(byId("state"), "no connection");
  };

  if (held) {
    player = new K.Player(JSON.parse(held.textContent), { byId, onScene, onFrame });
    for (const id of ["panel", "estop", "tools", "hint"]) byId(id).hidden = true;
    K.text(byId("state"), "film");
  } else {
    link = new K.Link({ onScene, onFrame, onNews, onChange });
    drive = new K.Drive({ byId, send });
  }

  let aims = false;
  const setAims = on => { aims = on; byId("goal").setAttribute("aria-pressed", String(on)); canvas.classList.toggle("aim", on); };
  byId("goal").addEventListener("click", () => setAims(!aims));
  K.pointers(canvas, camera, {
    aiming: () => aims,
    onAim: aim => { if (renderer) renderer.aim = aim; fresh = true; },
    onGoal: goal => {
      setAims(false);
      byId("hint").hidden = true;
      if (player || document.body.dataset.mode === "playback") return;
      if (!goal) panel.note("That is beyond the floor; click nearer to the body.", false);
      else send("goal", { x: goal[0], y: goal[1], yaw: goal[2] });
    },
  });

  const toggle = (id, set) => byId(id).addEventListener("change", event => { set(event.target.checked); fresh = true; });
  for (const [what, target] of [["pointerdown", canvas], ["keydown", window]]) target.addEventListener(what, () => { byId("hint").hidden = true; }, { once: true });
  toggle("show-ghost", on => { renderer.show.ghost = on; });
  toggle("show-muscles", on => { renderer.show.muscles = on; });
  toggle("show-forces", on => { renderer.show.forces = on; });
  toggle("follow", on => { camera.follow = on; });
  byId("screenshot").addEventListener("click", () => {
    renderer.draw(camera);  // the picture is only there until the next one is shown
    canvas.toBlob(blob => K.save("kinesis.png", "image/png", blob));
  });
  byId("film").addEventListener("click", async () => {
    const on = !film.runs;
    byId("film").setAttribute("aria-pressed", String(on));
    K.text(byId("film"), on ? "End film" : "Save film");
    try {
      if (on) film.start(); else panel.note(`Film of ${await film.finish()} frames saved.`, true);
    } catch (error) { panel.note(`No film: ${error.message}`, false); }
  });
  window.addEventListener("resize", () => { camera.dirty = true; });

  const draw = () => {
    player?.tick();
    if (renderer && (fresh || camera.dirty) && renderer.ready()) {
      if (fresh) shown++;
      fresh = camera.dirty = false;
      renderer.draw(camera);
    }
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  setInterval(() => {
    const now = performance.now();
    if (now - since > 1000) {
      page.fps = 1000 * shown / (now - since);
      [shown, since] = [0, now];
      K.text(byId("fps"), frame ? `${page.fps.toFixed(0)} frames/s` : "");
    }
    if (!frame) return;
    K.text(byId("pace-now"), `${Math.hypot(frame.velocity[0], frame.velocity[1]).toFixed(2)} m/s`);
    K.text(byId("clock"), `${frame.time.toFixed(1)} s`);
    K.text(byId("factor"), pace.text());
    muscles.show(frame, pull);
    if (!byId("page-plots").hidden) plots.draw(muscles.picked.length ? muscles.picked : byId("by-phase").checked && plots.cycle.usual.length ? plots.cycle.usual : pull.ranked().slice(0, 4));
  }, 200);
};

// How fast the time of the body passes against the clock of this machine, over the last two seconds.
K.Pace = class {
  constructor() { this.marks = []; }
  add(time) {
    const now = performance.now() / 1000, last = this.marks[this.marks.length - 1];
    if (last && time < last[1]) this.marks = [];
    this.marks.push([now, time]);
    while (now - this.marks[0][0] > 2) this.marks.shift();
  }
  text() {
    const now = performance.now() / 1000, [first, last] = [this.marks[0], this.marks[this.marks.length - 1]];
    if (!first || now - last[0] > 1 || last[0] - first[0] < 0.5) return "";
    return `now ${((last[1] - first[1]) / (last[0] - first[0])).toFixed(2)} ×`;
  }
};

document.addEventListener("DOMContentLoaded", K.start);
