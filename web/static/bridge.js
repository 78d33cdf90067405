// The bridge: applies lists of changes to the page, and tells the client what
// happens on it. The client decides everything else. web/app/patch.go describes
// the lists.
"use strict";

(() => {
  const near = 48; // CSS pixels from the end that still count as the end
  const nodes = [null];
  const $ = (id) => document.getElementById(id);
  const scroller = $("scroll");
  const log = $("log");
  const input = $("input");
  const wide = matchMedia("(min-width: 821px)"); // as in style.css

  let tell = () => false; // the client's ear
  let live = true; // the last row shown is the newest one
  let stuck = true; // the view follows the end
  let scheduled = 0;
  let waiting = 0;

  // Scrolling: follow the end, or keep still what is in view.

  const distance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  const follow = () => { scroller.scrollTop = scroller.scrollHeight; };

  // The first row that ends below a place, which is in pixels of the window.
  const rowAt = (top) => {
    let low = 0;
    let high = log.children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (log.children[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  // Some rows in view with their places: one of them will outlast the change.
  const anchors = () => {
    const found = [];
    const { top: start, bottom } = scroller.getBoundingClientRect();
    for (let i = rowAt(start); i < log.children.length && found.length < 40; i++) {
      const top = log.children[i].getBoundingClientRect().top;
      if (top > bottom) break;
      found.push([log.children[i], top]);
    }
    return found;
  };

  const restore = (kept) => {
    for (const [row, top] of kept) {
      if (!row.isConnected) continue;
      const moved = row.getBoundingClientRect().top - top;
      if (moved) scroller.scrollTop += moved;
      return;
    }
  };

  const report = () => {
    const rect = scroller.getBoundingClientRect();
    const first = log.children[rowAt(rect.top)];
    const last = log.children[rowAt(rect.bottom)] || log.lastElementChild;
    tell("scroll", Math.round(scroller.scrollTop), scroller.clientHeight, Math.round(distance()), stuck && live,
      first ? first.rowID : 0, last ? last.rowID : 0);
  };

  let reporting = false;
  const reportSoon = () => {
    if (reporting) return;
    reporting = true;
    requestAnimationFrame(() => { reporting = false; report(); });
  };

  scroller.addEventListener("scroll", () => { stuck = distance() < near; reportSoon(); }, { passive: true });
  new ResizeObserver(() => { if (stuck && live) follow(); reportSoon(); }).observe(scroller);

  // The input grows with its text.
  const grow = () => {
    input.style.height = "auto";
    input.style.height = input.scrollHeight + "px";
  };

  // Changes.

  const safeLink = /^https?:\/\//i;

  const operations = [
    // 0 bind: a number for an element of the page
    (read) => { nodes[read.number()] = $(read.text()); },
    // 1 make: an element, put into the current one if it has no number
    (read, stack) => {
      const id = read.number();
      const node = document.createElement(read.text());
      const style = read.text();
      if (style) node.className = style;
      if (id) { nodes[id] = node; node.rowID = id; } else stack.at(-1).append(node);
      stack.push(node);
    },
    // 2 words: text into the current element
    (read, stack) => { stack.at(-1).append(read.text()); },
    // 3 attr
    (read, stack) => {
      const name = read.text();
      const value = read.text();
      if (name !== "href" || safeLink.test(value)) stack.at(-1).setAttribute(name, value);
    },
    // 4 unattr
    (read, stack) => { stack.at(-1).removeAttribute(read.text()); },
    // 5 style
    (read, stack) => { const name = read.text(); stack.at(-1).style.setProperty(name, read.text()); },
    // 6 class
    (read, stack) => { stack.at(-1).className = read.text(); },
    // 7 end: back to the element before
    (read, stack) => { stack.pop(); },
    // 8 pick: an element by its number
    (read, stack) => { stack.push(nodes[read.number()]); },
    // 9 empty
    (read, stack) => { stack.at(-1).replaceChildren(); },
    // 10 put: an element into another, before a third or at the end
    (read) => { const node = nodes[read.number()]; nodes[read.number()].insertBefore(node, nodes[read.number()]); },
    // 11 drop
    (read) => { const id = read.number(); nodes[id].remove(); nodes[id] = undefined; },
    // 12 value: of an input, with the caret
    (read, stack) => {
      const node = stack.at(-1);
      node.value = read.text();
      const caret = read.number();
      node.setSelectionRange(caret, caret);
      if (node === input) grow();
    },
    // 13 focus
    (read, stack) => { stack.at(-1).focus({ preventScroll: true }); },
    // 14 live: whether the last row shown is the newest one
    (read) => { live = read.number() === 1; },
    // 15 title
    (read) => { document.title = read.text(); },
    // 16 visit: an address for the history; 1 replaces the present one
    (read) => {
      const replace = read.number() === 1;
      history[replace ? "replaceState" : "pushState"](null, "", read.text());
    },
    // 17 reveal: the current element within the box that scrolls it
    (read, stack) => { stack.at(-1).scrollIntoView({ block: "nearest" }); },
  ];

  // Where to scroll after a list of changes was applied.
  const scrolls = {
    keep: (kept) => { if (stuck && live) follow(); else restore(kept); },
    end: () => { stuck = true; follow(); },
    row: (kept, row) => {
      stuck = false;
      const there = nodes[row].getBoundingClientRect();
      const here = scroller.getBoundingClientRect();
      scroller.scrollTop += there.top - here.top - (here.height - Math.min(there.height, here.height)) / 3;
    },
    up: (kept) => { restore(kept); scroller.scrollTop -= scroller.clientHeight * 0.85; },
    down: (kept) => { restore(kept); scroller.scrollTop += scroller.clientHeight * 0.85; },
  };

  const apply = (numbers, text, scroll, row) => {
    let at = 0;
    let from = 0;
    const read = {
      number: () => numbers[at++],
      text: () => { const start = from; from += numbers[at++]; return text.slice(start, from); },
    };
    const kept = stuck && live ? [] : anchors();
    const stack = [];
    while (at < numbers.length) operations[numbers[at++]](read, stack);
    scrolls[scroll](kept, row);
    reportSoon();
  };

  // A frame: with the screen's next one, or soon if the page is not shown.
  const frame = () => {
    cancelAnimationFrame(scheduled);
    clearTimeout(waiting);
    scheduled = waiting = 0;
    tell("frame");
  };
  const schedule = () => {
    if (waiting) return;
    scheduled = requestAnimationFrame(frame);
    waiting = setTimeout(frame, 500);
  };

  // Events.

  const composing = (event) => event.isComposing || event.keyCode === 229;
  const keyBits = (event) => event.shiftKey | (event.ctrlKey << 1) | (event.altKey << 2) | (event.metaKey << 3);

  const listen = () => {
    input.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      // Whatever becomes of it, a plain Enter is no new line.
      if (event.key === "Enter" && !event.shiftKey && !event.altKey) event.preventDefault();
      const taken = tell("key", event.key, keyBits(event), input.value, input.selectionStart, input.selectionEnd);
      if (taken) event.preventDefault();
    });
    input.addEventListener("input", () => { grow(); tell("input", input.value, input.selectionStart); });
    $("ask").addEventListener("submit", (event) => { event.preventDefault(); tell("answer", $("ask-input").value); });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (!button) return;
      if (button.dataset.act === "reload") location.reload();
      else tell("act", button.dataset.act, button.dataset.arg || "", input.value);
    });
    // Keys struck anywhere else: Escape is the client's, letters go to the input.
    document.addEventListener("keydown", (event) => {
      if (event.target === input || composing(event)) return;
      if (event.key === "Escape") tell("act", "escape", "", input.value);
      const writes = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (writes && !event.target.closest("input, textarea, select")) input.focus({ preventScroll: true });
    });
    // Buttons of the foot must not take the keyboard of a phone away.
    document.querySelector(".foot").addEventListener("pointerdown", (event) => {
      if (event.target.closest("#send, .offer")) event.preventDefault();
    });
    document.addEventListener("visibilitychange", attention);
    for (const name of ["focus", "blur", "pageshow", "pagehide", "online", "offline"]) addEventListener(name, attention);
    addEventListener("popstate", () => tell("visit", location.search, location.hash));
    addEventListener("hashchange", () => tell("visit", location.search, location.hash));
    addEventListener("resize", grow);
    wide.addEventListener("change", () => tell("wide", wide.matches));
    if (window.visualViewport) visualViewport.addEventListener("resize", fit);
  };

  const attention = (event) => {
    const shown = document.visibilityState === "visible";
    tell("attention", event.type, shown, shown && document.hasFocus());
  };

  // A phone's keyboard makes the part that is seen smaller than the page.
  const fit = () => {
    const seen = visualViewport;
    const covered = window.innerHeight - seen.height * seen.scale > 1 && seen.scale === 1;
    document.documentElement.style.setProperty("--height", covered ? seen.height + "px" : "100dvh");
    if (covered) scrollTo(0, 0);
  };

  window.tuitalkBridge = {
    apply: (bytes, length, text, scroll, row) => apply(new Int32Array(bytes.buffer, 0, length), text, scroll, row),
    schedule,
    // A look at a forbidden storage throws, and what throws within the client's
    // own look ends it.
    mayStore: () => {
      try { return Boolean(localStorage && sessionStorage); } catch { return false; }
    },
    stop: () => { tell = () => false; },
    start: (ear) => {
      tell = ear;
      listen();
      return {
        text: input.value,
        enter: window.tuitalkShell.enter,
        search: location.search,
        hash: location.hash,
        wide: wide.matches,
        shown: document.visibilityState === "visible",
        focused: document.visibilityState === "visible" && document.hasFocus(),
      };
    },
  };
})();
