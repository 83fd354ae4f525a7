"""The drawings for the library's own seat features, in black lines on 24×24."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _

ICON_PATHS: Final[Mapping[str, str]] = {
    "lamp": "M8.4 3.6h7.2l3 7.2H5.4zM12 10.8v9M8 20.4h8",
    "desk": "M3 6.4h18M6.4 6.4v14M17.6 6.4v14M12 17.6v-7M9.6 12.8L12 10.4l2.4 2.4",
    "screens": "M2.6 5.6h8.6v8H2.6zM12.8 5.6h8.6v8h-8.6zM7 13.6v4.8M17 13.6v4.8M4 18.4h16",
    "usb": "M12 20.4V4.4M9.6 7.2L12 4l2.4 3.2M12 17l-4.6-3v-3M12 14.4l4.6-2.6V8.8",
    "network": "M4.6 4.4h14.8v10.2h-4v4.4H8.6v-4.4h-4zM9 4.4v3.8M12 4.4v3.8M15 4.4v3.8",
    "locker": "M5.6 10.8h12.8v9.6H5.6zM8.6 10.8V7.4a3.4 3.4 0 0 1 6.8 0v3.4M12 14.4v2.4",
    "quiet": "M4 9.6h3.4l4.6-4v12.8l-4.6-4H4zM15.6 9.4l5 5.2M20.6 9.4l-5 5.2",
    "booth": "M4.4 20.4V4.4h15.2v16M9 20.4v-8.8h6v8.8M4.4 8h15.2",
    "sofa": "M5.4 11V6.4h13.2V11M3.4 11h3v4.6h11.2V11h3v8H3.4zM6 19v2M18 19v2",
    "headset": "M4.4 14.4v-2a7.6 7.6 0 0 1 15.2 0v2M4.4 13.4h3.2v6H4.4zM16.4 13.4h3.2v6h-3.2z",
    "board": "M3.6 4.4h16.8v11.2H3.6zM8 20.6l4-2.6 4 2.6M12 15.6V18M7 11.4l3-3 3 2.4 4-3.4",
    "diamond": "M12 3.6l8.4 8.4-8.4 8.4L3.6 12z",
}
ICON_TEXT: Final[Mapping[str, str]] = {
    "lamp": _("台灯"),
    "desk": _("升降桌"),
    "screens": _("显示器"),
    "usb": "USB",
    "network": _("网线"),
    "locker": _("锁柜"),
    "quiet": _("静音"),
    "booth": _("隔间"),
    "sofa": _("沙发"),
    "headset": _("耳机"),
    "board": _("白板"),
    "diamond": _("其他"),
}
"""The words for the drawings where one is chosen."""
