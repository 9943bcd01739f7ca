// The connection to the viewer node: comes back by itself, says when the node is gone, and never piles up what it sends.
"use strict";

K.Link = class {
  constructor({ onScene, onFrame, onNews, onChange }) {
    Object.assign(this, { onScene, onFrame, onNews, onChange, open: false, hasScene: false });
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.hasScene = false;
    this.socket = new WebSocket(`${scheme}//${location.host}/socket${location.search}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => { this.open = true; this.onChange(true, ""); };
    this.socket.onclose = ({ reason }) => {
      this.open = false;
      this.onChange(false, reason);
      setTimeout(() => this.connect(), 1500);
    };
    this.socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.onNews(JSON.parse(data));
      else if (K.isScene(data)) this.onScene(data);
      else this.onFrame(data);
    };
  }

  send(kind, fields = {}) {
    if (!this.open || this.socket.bufferedAmount > 4096) return false;
    this.socket.send(JSON.stringify({ kind, ...fields }));
    return true;
  }
};

// A scene begins with the length of a text that begins with a brace; a frame begins with a time.
K.isScene = data => data.byteLength > 5 && new Uint8Array(data)[4] === 123 && new DataView(data).getUint32(0, true) < data.byteLength && new Uint8Array(data)[5] === 34;
