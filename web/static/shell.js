// The shell: runs before the module is there. It opens the WebSocket, keeps what
// comes for the client to adopt, and loads the module. It sends nothing.
"use strict";

(() => {
  const url = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws";
  const early = { url, socket: new WebSocket(url), frames: [] };
  early.socket.binaryType = "arraybuffer";
  early.socket.onmessage = (event) => early.frames.push(event.data);
  window.tuitalkEarly = early;

  // What the user does before the module is there: Enter asks to send, once it is.
  window.tuitalkShell = { enter: false };
  const hold = (event) => {
    if (event.target.id !== "input" || event.key !== "Enter" || event.shiftKey) return;
    if (event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    window.tuitalkShell.enter = true;
  };
  addEventListener("keydown", hold);

  const tell = (phase, text) => {
    document.getElementById("line").dataset.phase = phase;
    document.getElementById("line-text").textContent = text;
  };

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // While a fleet is being upgraded, the module of this version may be asked of a
  // gateway of another one. The next attempt may reach the right one; the last
  // resort is the page of whichever version is there.
  const fetchModule = async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await fetch("/@MODULE@");
        if (response.ok) return response;
        if (attempt >= 8) {
          location.reload();
          await pause(60000);
        }
      } catch {
        tell("reconnecting", "Waiting for the network");
      }
      await pause(Math.min(250 * attempt, 3000));
    }
  };

  const instantiate = async (imports) => {
    const response = await fetchModule();
    if (WebAssembly.instantiateStreaming && response.headers.get("Content-Type") === "application/wasm") {
      return WebAssembly.instantiateStreaming(response, imports);
    }
    return WebAssembly.instantiate(await response.arrayBuffer(), imports);
  };

  const boot = async () => {
    const go = new Go();
    const { instance } = await instantiate(go.importObject);
    removeEventListener("keydown", hold);
    await go.run(instance);
    window.tuitalkBridge.stop();
    // It runs as long as the page does: that it came back is a fault.
    tell("refused", "The client stopped. Reload the page to go on.");
  };

  // The rest of this script, joined to the shell by the build, has run by then.
  queueMicrotask(() => {
    if (typeof WebAssembly !== "object") {
      tell("refused", "This browser has no WebAssembly");
      return;
    }
    boot().catch((fault) => {
      console.error(fault);
      tell("refused", "The client did not start. Reload the page to try again.");
    });
  });
})();
