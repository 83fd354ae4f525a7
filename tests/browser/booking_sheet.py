"""Scripts run in the page: what covers a control, and whether the booking panel moves."""

from __future__ import annotations

COVERED = """
selector => {
  const one = document.querySelector(selector), box = one.getBoundingClientRect();
  const points = [[box.left + 2, box.top + 2], [box.right - 2, box.bottom - 2],
    [(box.left + box.right) / 2, (box.top + box.bottom) / 2]];
  return points.filter(([x, y]) => {
    const top = document.elementFromPoint(x, y);
    return !top || !(one.contains(top) || top.contains(one));
  });
}
"""
"""It finds the selected element's corners outside the window or under something else."""
STANDS_STILL = "() => !document.querySelector('#panel').getAnimations({ subtree: true }).length"
"""The panel has risen."""
