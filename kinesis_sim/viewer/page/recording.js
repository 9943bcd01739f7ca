// Record, evaluate, and the report inside the page; the e-stop stays in sight.
"use strict";

K.RecordingBox = class {
  constructor({ byId, send }) {
    Object.assign(this, { byId, send, stage: "off", report: "", awaited: false });
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("record", () => send("record", { on: this.stage !== "recording" }));
    click("evaluate", () => { if (this.stage === "ready" && this.playback) this.open(); else { this.awaited = true; send("evaluate"); } });
    click("film-mp4", () => send("film"));
    click("show-report", () => this.open());
    click("report-close", () => { byId("report").hidden = true; byId("report").querySelector("iframe").removeAttribute("src"); byId("evaluate").focus(); });
  }

  show(record, playback) {
    const { byId } = this, { stage, seconds, of } = record, busy = stage === "ending" || stage === "evaluating";
    Object.assign(this, { stage, playback: Boolean(playback), report: record.report });
    byId("record").setAttribute("aria-pressed", String(stage === "recording"));
    K.text(byId("record"), stage === "recording" ? "End recording" : "Record");
    K.text(byId("evaluate"), stage === "recording" && !of ? "End and evaluate" : "Evaluate now");
    byId("record").disabled = busy;
    byId("evaluate").disabled = busy || (stage === "recording" && Boolean(of));
    byId("show-report").hidden = !record.report;
    const said = {
      off: record.path && !playback ? `Recorded: ${record.path}` : "", recording: seconds ? `Recording, ${seconds.toFixed(0)} s${of ? ` of ${of}` : ""}: ${record.path}` : "The recorder starts…",
      ending: "The recorder writes its end…", evaluating: "The recording is being evaluated…", ready: `Report of ${record.path}`, failed: `No report: ${record.text}`,
    }[stage];
    byId("record-text").hidden = !said;
    K.text(byId("record-text"), said);
    this.showFilm(record.film || { stage: "off" }, playback || (record.path && !busy && stage !== "recording"));
    if (stage === "ready" && this.awaited) { this.awaited = false; this.open(); }
    if (stage === "failed") this.awaited = false;
  }

  // possible: there is something to draw.
  showFilm({ stage, address, text }, possible) {
    const { byId } = this, said = { making: "The film is being drawn…", failed: `No film: ${text}` }[stage] || "";
    byId("film-mp4").disabled = stage === "making" || !possible;
    byId("film-file").hidden = stage !== "ready";
    if (stage === "ready") { byId("film-file").href = address + location.search; byId("film-file").download = text; K.text(byId("film-file"), `Save ${text}`); }
    byId("film-text").hidden = !said;
    K.text(byId("film-text"), said);
  }

  open() {
    const address = this.report + location.search, box = this.byId("report");
    box.querySelector("iframe").src = address;
    this.byId("report-link").href = address;
    box.hidden = false;
    this.byId("report-close").focus();
  }
};
