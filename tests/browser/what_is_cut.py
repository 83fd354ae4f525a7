"""The parts of a screen on a wall or in a hall that cannot be read or touched."""

from __future__ import annotations

from typing import Final

CUT: Final = """(() => {
  const root = document.querySelector("#touch:not([hidden])") || document.body;
  const written = (one) => [...one.childNodes].some((node) => node.nodeType === 3
    && node.data.trim());
  const shown = [...root.querySelectorAll("*")].filter((one) => one.getClientRects().length
    && (written(one) || one.matches("svg, img")) && !one.closest(".view, .hidden, noscript"));
  const within = (one, frame) => {
    const a = one.getBoundingClientRect(), b = frame.getBoundingClientRect();
    return a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1
      && (a.bottom <= b.bottom + 1 || frame.matches("#touch, .ends"));
  };
  return shown.filter((one) => {
    const style = getComputedStyle(one);
    for (let frame = one.parentElement; frame; frame = frame.parentElement) {
      const clips = frame === document.body || getComputedStyle(frame).overflow !== "visible";
      if (clips && !within(one, frame)) return true;
      if (frame.matches("#touch")) break;
    }
    return style.display !== "inline" && !(one instanceof SVGElement)
      && one.scrollWidth > one.clientWidth + 1;
  }).map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 30)}`);
})()"""
"""The elements with text, or a picture, that are not whole in all boxes that clip them. What a
finger scrolls may stand below its box."""

NEAR: Final = """(() => {
  const root = document.querySelector("#touch:not([hidden])") || document.body, wrong = [];
  const boxes = [...root.querySelectorAll("button")].filter((one) => one.offsetWidth)
    .map((one) => [one, one.getBoundingClientRect()]);
  boxes.forEach(([one, a], n) => boxes.slice(n + 1).forEach(([other, b]) => {
    if (one.closest("header") !== other.closest("header")) return;
    const across = Math.max(b.left - a.right, a.left - b.right);
    const down = Math.max(b.top - a.bottom, a.top - b.bottom);
    if (Math.max(across, down) < 12) wrong.push([one.textContent, other.textContent, across, down]);
  }));
  return wrong;
})()"""
"""Pairs of buttons with less than 12 px between them. Others may scroll below a header's."""

COVERED: Final = """(() => {
  const over = [...document.querySelectorAll("#languages button")]
    .map((one) => one.getBoundingClientRect());
  return [...document.querySelectorAll("body *")].filter((one) => {
    const box = one.getBoundingClientRect();
    return !one.children.length && box.width && !one.closest("#languages") && over.some((a) =>
      a.left < box.right && box.left < a.right && a.top < box.bottom && box.top < a.bottom);
  }).map((one) => one.outerHTML.slice(0, 60));
})()"""
"""What the buttons for other languages cover."""
BROKEN: Final = """selector => [...document.querySelectorAll(selector)].flatMap((one) => {
  const texts = document.createTreeWalker(one, NodeFilter.SHOW_TEXT), broken = [];
  for (let text; (text = texts.nextNode());) {
    for (const { 0: word, index } of text.data.matchAll(/[A-Za-zÀ-ž]+/g)) {
      const range = document.createRange();
      range.setStart(text, index + (text.data[index - 1] === "\u00ad")); // without that hyphen
      range.setEnd(text, index + word.length);
      if (range.getClientRects().length > 1) broken.push(word);
    }
  }
  return broken;
})"""
"""The words of the selected elements that break elsewhere than at a soft hyphen."""
