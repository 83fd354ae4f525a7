// A new version is there when the program starts the next time; who wants it sooner starts it again.

import { agreed } from "./ask";
import { t } from "./texts";

export function offerUpdates(): void {
  const manager = wx.getUpdateManager();
  manager.onUpdateReady(() => {
    void agreed(t("update_ready")).then((now) => { if (now) manager.applyUpdate(); });
  });
}
