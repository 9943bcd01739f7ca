// What to do now, when the body does not move by itself: one sentence, and a button for each step. Reset and Arm stay two steps.
"use strict";

// status: the last report; fallen: whether the body lies, null before it is seen. Gives {text, steps: [[label, [[kind, fields], ...]], ...]}, or null.
K.nextStep = (status, fallen) => {
  const reset = ["Reset", [["trigger", { text: "reset_estop" }]]], arm = ["Arm", [["trigger", { text: "arm" }]]];
  const upright = ["Put it on its feet", [["pause", { on: true }], ["reset", {}]]], restart = ["Put it on its feet", [["reset", {}]]];
  if (!status || status.playback || !status.state) return null;
  if (fallen === null) fallen = (status.faults || [])[0]?.[0] === "FALLEN";
  if (status.state === "e-stopped") return { text: "The e-stop has been pressed. When it is safe, release it; that does not arm the body yet.", steps: [reset] };
  if (status.state === "fault") {
    if (fallen && status.simulated) return { text: "The body has fallen.", steps: [restart] };
    const [name, , meaning, advice] = (status.faults || [])[0] || ["a fault", 0, "", ""];
    return { text: `${name}: ${meaning} ${advice}`, steps: [reset] };
  }
  if (status.state === "disarmed") {
    if (fallen && status.simulated) return { text: "The body lies on the floor without power. It is put upright and held there until you let it go on.", steps: [upright] };
    return { text: status.simulated ? "The body is disarmed: commands do not reach its muscles." : "The robot is disarmed. Arm it when nobody is within its reach.", steps: [arm] };
  }
  if (status.paused) return { text: "Simulated time stands still.", steps: [["Go on", [["pause", { on: false }]]]] };
  return null;
};

K.Guide = class {
  constructor({ byId, send }) { Object.assign(this, { box: byId("guide"), send, shown: "" }); }

  show(status, fallen) {
    const next = K.nextStep(status, fallen), key = JSON.stringify(next);
    if (this.shown === key) return;
    this.shown = key;
    this.box.hidden = !next;
    const [text, row] = this.box.children;
    K.text(text, next?.text || "");
    row.replaceChildren(...(next?.steps || []).map(([label, orders]) => {
      const button = document.createElement("button");
      button.textContent = label;
      button.className = "primary";
      button.addEventListener("click", () => orders.forEach(([kind, fields]) => this.send(kind, fields)));
      return button;
    }));
  }
};
